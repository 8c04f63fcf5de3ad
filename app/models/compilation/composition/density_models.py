"""Models that decide by densities of normal distributions, as parts of a `ComposedKernel`."""

from typing import Any

import numpy as np

from app.models.compilation.composition.part import Member, Part


def mixture(model: Any, width: int, member: Member) -> Part:
    """The responsibilities of a Gaussian mixture's components, Bayesian or not."""
    # At a component's mean its weighted density is the constant part.
    constants = np.diag(model._estimate_weighted_log_prob(model.means_))
    constants = constants + 0.5 * width * np.log(2 * np.pi)
    data = {"op": "mixture", "means": model.means_, "precisions": model.precisions_cholesky_}
    part = Part(data | {"covariance": model.covariance_type, "constants": constants}, "scores", True)
    return part.then("probabilities", op="responsibilities")


def bayes(model: Any, width: int, member: Member) -> Part:
    """Gaussian naive Bayes."""
    data = {"op": "independent", "means": model.theta_, "variances": model.var_, "priors": model.class_prior_}
    return Part(data, "scores", True).then("probabilities", op="responsibilities")


def envelope(model: Any, width: int, member: Member) -> Part:
    """The decision function of an elliptic envelope."""
    part = Part(
        {"op": "apart", "center": model.location_, "precision": model.get_precision()}, "values", True
    )
    return part.then("scored", op="scaled", factor=-1.0, shift=-float(model.offset_))
