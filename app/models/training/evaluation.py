"""Metrics of a fitted estimator on held-out rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import metrics as scores

from app.models.training.datasets import Task


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


def report(task: Task, expected: Any, predicted: Any) -> str:
    """The metrics as text."""
    if task == "classification":
        return str(scores.classification_report(expected, predicted, zero_division=0))
    residuals = np.asarray(expected) - np.asarray(predicted)
    quantiles = np.quantile(residuals, (0.05, 0.5, 0.95))
    return "residuals: 5 % {:.4g}, median {:.4g}, 95 % {:.4g}".format(*quantiles)
