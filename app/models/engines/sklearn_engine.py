"""The reference: the fitted model itself, called as its own caller would call it."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines import REFERENCE
from app.models.engines.output import EngineOutput
from app.models.schema.model_input import restore
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature


class SklearnEngine:
    """Calls a fitted estimator on rows in the form in which it was fitted.

    :param single_call: take the label from the probabilities instead of calling ``predict`` too; only for
        classes whose ``predict`` does the same.
    """

    name = REFERENCE

    def __init__(
        self, estimator: Any, signature: InputSignature, output: OutputSignature, *, single_call: bool = False
    ) -> None:
        self._estimator = estimator
        self._signature = signature
        self._output = output
        self._codes = {label: code for code, label in enumerate(output.classes)}
        self._single_call = single_call

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that conform to the model's input signature; raises whatever the model raises."""
        return self._answer(lambda: restore(rows, self._signature))

    def answer(self, data: Any) -> EngineOutput:
        """Predict rows that are already in the model's own form, and stay what they are."""
        return self._answer(lambda: deepcopy(data))

    def _answer(self, fresh: Callable[[], Any]) -> EngineOutput:
        """:param fresh: the rows anew for each call, because a model may change what it is given."""
        if self._single_call:
            probabilities = np.asarray(called(self._estimator.predict_proba, fresh()), dtype=np.float64)
            return EngineOutput(probabilities.argmax(axis=1), probabilities)
        predicted = one_column(np.asarray(called(self._estimator.predict, fresh())))
        if not self._output.classes:
            return EngineOutput(predicted.astype(np.intp if self._output.whole else np.float64), None)
        codes = self._codes_of(predicted)
        if not self._output.probabilities:
            return EngineOutput(codes, None)
        return EngineOutput(
            codes, np.asarray(called(self._estimator.predict_proba, fresh()), dtype=np.float64)
        )

    def _codes_of(self, labels: NDArray[Any]) -> NDArray[np.intp]:
        try:
            return np.array([self._codes[label] for label in labels.tolist()], dtype=np.intp)
        except KeyError:
            raise NotAClass("the model's label for this row is not among its classes") from None


class NotAClass(ValueError):
    """The model predicted a label that it did not announce, as some do for outliers."""


def called(method: Callable[[Any], Any], data: Any) -> Any:
    """What a method of a model returns; a model that ends the process raises instead."""
    try:
        return method(data)
    except SystemExit:
        raise RuntimeError("the model called sys.exit") from None


def one_column(predicted: NDArray[Any]) -> NDArray[Any]:
    """Predictions of shape (n,) where a model returns them as (n, 1)."""
    return predicted[:, 0] if predicted.ndim == 2 and predicted.shape[1] == 1 else predicted


def for_serving(estimator: Any) -> Any:
    """The estimator, set to one job; changes it in place.

    Handing a few rows to a thread pool costs more than predicting them.
    """
    with suppress(Exception):  # an estimator of one's own may have no parameters, or odd ones
        jobs = [name for name in estimator.get_params() if name.rpartition("__")[2] == "n_jobs"]
        estimator.set_params(**dict.fromkeys(jobs, 1))
    return estimator
