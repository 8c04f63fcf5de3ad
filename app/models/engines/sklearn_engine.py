"""The reference: scikit-learn itself."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.pipeline import Pipeline

from app.models.predictions import Outcome
from app.models.rows import Rows, Table
from app.models.signature import InputSignature, OutputSignature


class SklearnEngine:
    """Calls a fitted estimator; input is validated before it gets here."""

    name = "sklearn"

    def __init__(self, estimator: Any, signature: InputSignature, output: OutputSignature) -> None:
        self._estimator = for_serving(estimator, signature)
        self._layout = signature.layout
        self._output = output
        self._classes = np.array(output.classes)

    def predict(self, rows: Rows) -> Outcome:
        data = self._as_fitted(rows)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            predicted = self._estimator.predict(data)
            if not self._output.classes:
                return Outcome(np.asarray(predicted, dtype=np.float64), None)
            codes = np.searchsorted(self._classes, predicted)
            if not self._output.probabilities:
                return Outcome(codes, None)
            return Outcome(codes, self._estimator.predict_proba(data))

    def _as_fitted(self, rows: Rows) -> Any:
        if not isinstance(rows, Table):
            return rows
        return rows.to_frame() if self._layout == "frame" else rows.columns[0]


def for_serving(estimator: Any, signature: InputSignature) -> Any:
    """The estimator, set up for small requests; changes it in place.

    One job, because handing a few rows to a thread pool costs more than predicting them; and no
    recorded column names where arrays are passed, because scikit-learn would warn at every call.
    """
    jobs = [name for name in estimator.get_params() if name.rpartition("__")[2] == "n_jobs"]
    estimator.set_params(**dict.fromkeys(jobs, 1))
    if signature.layout == "array":
        for part in _parts(estimator):
            vars(part).pop("feature_names_in_", None)
    return estimator


def _parts(estimator: Any) -> list[Any]:
    if isinstance(estimator, Pipeline):
        return [estimator, *(part for _, step in estimator.steps for part in _parts(step))]
    return [estimator]


def labels_of(outcome: Outcome, output: OutputSignature) -> NDArray[Any]:
    """Labels or values, as the estimator's own ``predict`` returns them."""
    return np.array(output.classes)[outcome.values] if output.classes else outcome.values
