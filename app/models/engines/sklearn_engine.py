"""The reference engine: the fitted model itself, called as in its author's own code."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines import REFERENCE
from app.models.engines.nesting import estimators_in
from app.models.engines.output import EngineOutput, NoSuchMethod
from app.models.schema.model_input import restore
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, Label, OutputSignature


class SklearnEngine:
    """Calls a fitted estimator on rows in the form of its training data.

    :param single_call: take the label from the probabilities instead of calling ``predict``; only for
        classes whose ``predict`` does the same.
    """

    name = REFERENCE

    def __init__(
        self, estimator: Any, signature: InputSignature, output: OutputSignature, *, single_call: bool = False
    ) -> None:
        self._estimator = estimator
        self._signature = signature
        self._output = output
        self._codes = [_codes(labels) for labels in output.targets or (output.classes,)]
        self._single_call = single_call

    @property
    def estimator(self) -> Any:
        """The fitted model."""
        return self._estimator

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that fit the model's input signature; raises the model's own errors."""
        return self._answer(lambda: restore(rows, self._signature))

    def call(self, method: str, rows: Rows) -> NDArray[Any]:
        """See `Engine.call`."""
        if not callable(found := getattr(self._estimator, method, None)):
            raise NoSuchMethod(f"the model has no {method}")
        given = called(found, restore(rows, self._signature))
        return np.asarray(given.toarray() if hasattr(given, "toarray") else given)

    def answer(self, data: Any) -> EngineOutput:
        """Predict rows in the model's own form, which stay unchanged."""
        return self._answer(lambda: deepcopy(data))

    def _answer(self, fresh: Callable[[], Any]) -> EngineOutput:
        """:param fresh: makes a copy of the rows for each call, because a model may change its input."""
        if self._single_call:
            probabilities = np.asarray(called(self._estimator.predict_proba, fresh()), dtype=np.float64)
            return EngineOutput(probabilities.argmax(axis=1), probabilities)
        predicted = predictions_of(self._estimator, fresh())
        if not (self._output.classes or self._output.targets):
            return EngineOutput(predicted.astype(np.intp if self._output.whole else np.float64), None)
        codes = self._codes_of(predicted)
        if self._output.scored:
            return EngineOutput(codes, scores_of(self._estimator, fresh()))
        if not self._output.probabilities:
            return EngineOutput(codes, None)
        return EngineOutput(codes, probabilities_of(self._estimator, fresh(), self._output.targets))

    def _codes_of(self, labels: NDArray[Any]) -> NDArray[np.intp]:
        try:
            if not self._output.targets:
                return np.array([self._codes[0][label] for label in labels.tolist()], dtype=np.intp)
            columns = zip(self._codes, labels.T.tolist(), strict=True)
            return np.array([[codes[label] for label in column] for codes, column in columns], np.intp).T
        except KeyError:
            raise NotAClass("the model's label for this row is not among its classes") from None


def _codes(labels: tuple[Label, ...]) -> dict[Label, int]:
    return {label: code for code, label in enumerate(labels)}


class NotAClass(ValueError):
    """The model predicted a label that is not in ``classes_``, as some do for outliers."""


def called(method: Callable[[Any], Any], data: Any) -> Any:
    """Call a method of a model; ``sys.exit`` in it becomes a RuntimeError."""
    try:
        return method(data)
    except SystemExit:
        raise RuntimeError("the model called sys.exit") from None


def predicts(model: Any) -> bool:
    """True for a model with ``predict``; one without is a transformer."""
    return callable(getattr(model, "predict", None))


def predictions_of(model: Any, data: Any) -> NDArray[Any]:
    """What a model predicts, (n,) or (n, targets), or a transformer gives, (n,) or (n, outputs); dense."""
    found = called(model.predict if predicts(model) else model.transform, data)
    if hasattr(found, "toarray"):
        found = found.toarray()
    return one_column(np.asarray(found))


def probabilities_of(
    model: Any, data: Any, targets: tuple[tuple[Label, ...], ...] = ()
) -> NDArray[np.float64]:
    """A model's probabilities, (n, classes); those of several targets side by side.

    For several targets of two classes a model may have one column per target, that of the second class.
    """
    found = called(model.predict_proba, data)
    if not targets:
        return np.asarray(found, dtype=np.float64)
    if isinstance(found, list):
        return np.hstack([np.asarray(each, dtype=np.float64) for each in found])
    second = np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)
    both: NDArray[np.float64] = np.stack((1.0 - second, second), axis=2).reshape(len(second), -1)
    return both


def scores_of(model: Any, data: Any) -> NDArray[np.float64]:
    """An outlier detector's scores, (n, 1): negative for outliers."""
    return np.asarray(called(model.decision_function, data), dtype=np.float64).reshape(len(data), -1)


def one_column(predicted: NDArray[Any]) -> NDArray[Any]:
    """Predictions (n, 1) as (n,)."""
    return predicted[:, 0] if predicted.ndim == 2 and predicted.shape[1] == 1 else predicted


def for_serving(estimator: Any) -> Any:
    """Set every fitted part to one silent job, in place: a thread pool costs more than predicting a few rows.

    A search or an ensemble has its parameters in a template, beside the parts that it fitted.
    """
    for part in estimators_in(estimator):
        settings = vars(part) if hasattr(part, "__dict__") else {}
        if "n_jobs" in settings:
            _set(part, n_jobs=1)
        if isinstance(verbose := settings.get("verbose"), int):
            _set(part, verbose=min(verbose, 0))  # LightGBM is silent below 0
    return estimator


def _set(part: Any, **settings: int) -> None:
    with suppress(Exception):  # a custom estimator may raise anything when an attribute is set
        for name, value in settings.items():
            setattr(part, name, value)
