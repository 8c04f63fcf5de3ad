"""Explanation: what each column adds to the margin of one answer, as plain JSON."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from app.models.schema.rows import Matrix, Rows, to_lists
from app.models.schema.signature import Feature, InputSignature, OutputSignature

Method = Literal["linear", "tree_shap"]
Scale = Literal["log_odds", "decision", "probability", "value", "score"]


class NotExplainable(Exception):
    """The model, or its version, has no exact explanation; the message says why, for clients."""


class Attribution(NamedTuple):
    """Margins of n rows as sums: ``base`` (outputs,), ``contributions`` (n, columns, outputs).

    A classifier of two classes may have one output, for the second class; else a class has an output each.
    """

    base: Matrix
    contributions: Matrix

    @property
    def margins(self) -> Matrix:
        """The sums, (n, outputs)."""
        total: Matrix = self.base + self.contributions.sum(axis=1)
        return total

    def by_source(self, sources: Sequence[int], *, width: int) -> "Attribution":
        """The contributions of transformed columns summed up over the caller's ``width`` columns.

        :param sources: the caller's column of each transformed one, negative for a constant.
        """
        added = np.zeros((width + 1, len(self.contributions), len(self.base)))  # constants come last
        np.add.at(added, np.asarray(sources), self.contributions.transpose(1, 0, 2))
        return Attribution(self.base, added[:width].transpose(1, 0, 2))

    def of_class(self, row: int, code: int | None) -> tuple[float, Matrix]:
        """Base and contributions, (columns,), of one row, towards the class of that code if there is one."""
        if code is None:
            return float(self.base[0]), self.contributions[row, :, 0]
        if len(self.base) > 1:
            return float(self.base[code]), self.contributions[row, :, code]
        sign = 1.0 if code else -1.0
        return sign * float(self.base[0]), sign * self.contributions[row, :, 0]


class Explainer(NamedTuple):
    """How to explain the answers of one version; ``attribute`` is a function of validated rows."""

    method: Method
    scale: Scale
    attribute: Any


def explanations(
    explainer: Explainer,
    rows: Rows,
    predicted: Sequence[Any],
    *,
    input: InputSignature,
    output: OutputSignature,
    columns: int,
) -> list[dict[str, Any]]:
    """One explanation per row, which names the ``columns`` of the largest magnitude.

    :param predicted: the values of an engine's output: of a classifier the codes of its classes.
    :raises NotExplainable: if a contribution is not finite.
    """
    attribution: Attribution = explainer.attribute(rows)
    if not np.isfinite(attribution.contributions).all():
        raise NotExplainable("a contribution is no finite number: a value of the row is too large")
    found = []
    for row, values in enumerate(to_lists(rows)):
        code = int(predicted[row]) if output.task == "classification" else None
        base, contributions = attribution.of_class(row, code if len(output.classes) > 1 else None)
        document: dict[str, Any] = {"method": explainer.method, "scale": explainer.scale}
        if code is not None:
            document["class"] = output.classes[code]
        named = np.argsort(-np.abs(contributions), kind="stable")[:columns].tolist()
        others = float(np.delete(contributions, named).sum())
        shown = [
            {
                "name": input.names[position],
                "value": _as_sent(values[position], input.features[position]),
                "contribution": float(contributions[position]),
            }
            for position in named
        ]
        margin = base + sum(each["contribution"] for each in shown) + others
        found.append(
            document | {"base_value": base, "margin": margin, "contributions": shown, "others": others}
        )
    return found


def _as_sent(value: Any, feature: Feature) -> Any:
    """The value of a column in JSON's own type: rows hold truth values and whole numbers as float64."""
    if not isinstance(value, float) or not feature.numeric:
        return value
    if feature.kind == "boolean":
        return bool(value)
    return int(value) if feature.whole and value.is_integer() else value
