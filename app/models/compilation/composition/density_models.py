"""Models that decide by densities of normal distributions, as parts of a `ComposedKernel`."""

from typing import Any

import numpy as np

from app.models.compilation.composition.part import TIE_WITHIN, Member, Part


def mixture(model: Any, width: int, member: Member) -> Part:
    """The responsibilities of a Gaussian mixture's components, Bayesian or not."""
    # At a component's mean its weighted density is the constant part.
    constants = np.diag(model._estimate_weighted_log_prob(model.means_))
    constants = constants + 0.5 * width * np.log(2 * np.pi)
    data = {"op": "mixture", "means": model.means_, "precisions": model.precisions_cholesky_}
    return _shares(Part(data | {"covariance": model.covariance_type, "constants": constants}, "scores", True))


def bayes(model: Any, width: int, member: Member) -> Part:
    """Gaussian naive Bayes."""
    data = {"op": "independent", "means": model.theta_, "variances": model.var_, "priors": model.class_prior_}
    return _shares(Part(data, "scores", True))


def _shares(logs: Part) -> Part:
    if len(logs.data["means"]) > 1:
        logs = logs.then("scores", op="decided", tie=TIE_WITHIN)
    return logs.then("probabilities", op="responsibilities")


def envelope(model: Any, width: int, member: Member) -> Part:
    """The decision function of an elliptic envelope."""
    part = Part(
        {"op": "apart", "center": model.location_, "precision": model.get_precision()}, "values", True
    )
    return part.then("scored", op="scaled", factor=-1.0, shift=-float(model.offset_))
