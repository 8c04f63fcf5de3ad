"""The reference: scikit-learn itself."""

from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.pipeline import Pipeline

from app.models.predictions import Outcome
from app.models.rows import Rows, Table
from app.models.signature import Layout, OutputSignature


class SklearnEngine:
    """Calls a fitted estimator; input is validated before it gets here.

    :param single_call: take the label from the probabilities instead of calling ``predict`` too; right
        for most classifiers but not for all, so it has to be certified.
    """

    name = "sklearn"

    def __init__(
        self, estimator: Any, layout: Layout, output: OutputSignature, *, single_call: bool = False
    ) -> None:
        self._estimator = for_serving(estimator, layout)
        self._layout = layout
        self._output = output
        self._classes = np.array(output.classes)
        self._single_call = single_call

    def predict(self, rows: Rows) -> Outcome:
        """Predict rows that conform to the model's input signature."""
        data = self.as_fitted(rows)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            if self._single_call:
                probabilities = self._estimator.predict_proba(data)
                return Outcome(probabilities.argmax(axis=1), probabilities)
            predicted = self._estimator.predict(data)
            if not self._output.classes:
                return Outcome(np.asarray(predicted, dtype=np.float64), None)
            codes = np.searchsorted(self._classes, predicted)
            if not self._output.probabilities:
                return Outcome(codes, None)
            return Outcome(codes, self._estimator.predict_proba(data))

    def as_fitted(self, rows: Rows) -> Any:
        """The rows in the form in which the estimator was fitted: array, data frame or texts."""
        if not isinstance(rows, Table):
            return rows
        return rows.to_frame() if self._layout == "frame" else rows.columns[0]


def for_serving(estimator: Any, layout: Layout) -> Any:
    """The estimator, set up for small requests; changes it in place.

    One job, because handing a few rows to a thread pool costs more than predicting them; and no
    recorded column names where arrays are passed, because scikit-learn would warn at every call.
    """
    jobs = [name for name in estimator.get_params() if name.rpartition("__")[2] == "n_jobs"]
    estimator.set_params(**dict.fromkeys(jobs, 1))
    if layout == "array":
        for part in _parts(estimator):
            vars(part).pop("feature_names_in_", None)
    return estimator


def _parts(estimator: Any) -> list[Any]:
    if isinstance(estimator, Pipeline):
        return [estimator, *(part for _, step in estimator.steps for part in _parts(step))]
    return [estimator]
