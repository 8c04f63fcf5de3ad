"""Metrics of a fitted estimator on held-out rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import metrics as scores
from sklearn.utils.multiclass import unique_labels

from app.models.training.datasets import Task

MOST_CLASSES = 50
MOST_POINTS = 500


def metrics(task: Task, expected: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Accuracy and macro F1, or R², mean absolute and root mean squared error."""
    if task == "classification":
        return {
            "accuracy": float(scores.accuracy_score(expected, predicted)),
            "f1_macro": float(scores.f1_score(expected, predicted, average="macro")),
        }
    return {
        "r2": float(scores.r2_score(expected, predicted)),
        "mean_absolute_error": float(scores.mean_absolute_error(expected, predicted)),
        "root_mean_squared_error": float(scores.root_mean_squared_error(expected, predicted)),
    }


def evidence(task: Task, expected: ArrayLike, predicted: ArrayLike) -> dict[str, Any]:
    """What the metrics sum up, JSON-ready, as metadata of a version: ``confusion_matrix``, whose rows are the
    expected classes, of up to 50 classes; or ``residuals``, predicted and actual values of up to 500 rows."""
    if task == "regression":
        step = -(-np.size(expected) // MOST_POINTS)
        values = {"predicted": predicted, "actual": expected}
        return {"residuals": {name: np.asarray(each)[::step].tolist() for name, each in values.items()}}
    labels = unique_labels(expected, predicted)
    if len(labels) > MOST_CLASSES:
        return {}
    counts = scores.confusion_matrix(expected, predicted, labels=labels)
    return {"confusion_matrix": {"labels": labels.tolist(), "counts": counts.tolist()}}


def report(task: Task, expected: Any, predicted: Any) -> str:
    """The metrics as text."""
    if task == "classification":
        return str(scores.classification_report(expected, predicted, zero_division=0))
    residuals = np.asarray(expected) - np.asarray(predicted)
    quantiles = np.quantile(residuals, (0.05, 0.5, 0.95))
    return "residuals: 5 % {:.4g}, median {:.4g}, 95 % {:.4g}".format(*quantiles)
