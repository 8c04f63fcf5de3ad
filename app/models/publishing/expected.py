"""The first rows of a sample, with the model's own predictions for them in their original form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.exceptions import InvalidInput
from app.models.engines.output import EngineOutput
from app.models.engines.partial import Partial, predict_partially
from app.models.schema import tolerance
from app.models.schema.rows import Rows, to_lists
from app.models.schema.signature import InputSignature, OutputSignature
from app.models.schema.validation import validate_rows


@dataclass(frozen=True)
class Expected:
    """Rows as in a request, and per row the prediction, None if the model refuses the row; plain JSON."""

    rows: list[list[Any]]
    values: list[Any]
    probabilities: list[list[float] | None]

    @classmethod
    def of(cls, answer: Callable[[Any], EngineOutput], own: Any, rows: Rows) -> "Expected":
        """Predict the rows in their original form.

        :param own: data frame, array or list, of the same rows as ``rows``.
        """
        found = predict_partially(answer, own)
        values: list[Any] = [None] * len(rows)
        probabilities: list[list[float] | None] = [None] * len(rows)
        for position, predicted in found.answers.items():
            values[position] = predicted.values[0].tolist()
            if predicted.probabilities is not None:
                probabilities[position] = predicted.probabilities[0].tolist()
        return cls(to_lists(rows), values, probabilities)

    def disagreement(
        self, predict: Callable[[Rows], EngineOutput], signature: InputSignature, output: OutputSignature
    ) -> str | None:
        """The first difference from a served version, or None.

        :param predict: of the version's engine.
        """
        answers: dict[int, EngineOutput] = {}
        reasons: dict[int, str] = {}
        for positions, found in self._served(predict, signature, reasons):
            answers |= {positions[row]: predicted for row, predicted in found.answers.items()}
            reasons |= {positions[row]: _first_line(error) for row, error in found.errors.items()}
        for position, value in enumerate(self.values):
            if value is None and position in answers:
                return f"row {position} of the sample is answered, although the model refuses it"
            if value is not None and position not in answers:
                return f"row {position} of the sample would be refused: {reasons[position]}"
            if value is not None and (reason := self._difference(position, answers[position], output)):
                return f"row {position} of the sample: {reason}"
        return None

    def _served(
        self, predict: Callable[[Rows], EngineOutput], signature: InputSignature, reasons: dict[int, str]
    ) -> list[tuple[list[int], Partial]]:
        try:
            everything = list(range(len(self.rows)))
            return [(everything, predict_partially(predict, validate_rows(self.rows, signature)))]
        except InvalidInput:
            found = []
            for position, row in enumerate(self.rows):
                try:
                    found.append(([position], predict_partially(predict, validate_rows([row], signature))))
                except InvalidInput as error:
                    first = error.details["errors"][0]
                    reasons[position] = f"{first.get('name', 'it')} {first['reason']}"
            return found

    def _difference(self, position: int, predicted: EngineOutput, output: OutputSignature) -> str | None:
        value, probabilities = self.values[position], self.probabilities[position]
        served = predicted.values[0].tolist()
        if output.labelled:
            if served != value:
                return f"{_label(served, output)!r} is served, the model predicts {_label(value, output)!r}"
        else:
            scale = tolerance.scale(np.array([value]), output)
            if not (np.abs(np.array([served]) - np.array([value])) <= tolerance.PROMISED * scale).all():
                return f"{served!r} is served, the model predicts {value!r}"
        if probabilities is None:
            return None
        if predicted.probabilities is None:
            return "no probabilities are served"
        known = np.array(probabilities)
        apart = (np.abs(predicted.probabilities[0] - known) / tolerance.scale_beside(known, output)).max()
        return None if apart <= tolerance.PROMISED else f"probabilities differ by {apart:.2g}"


def _label(code: Any, output: OutputSignature) -> Any:
    return output.decoded([code])[0]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
