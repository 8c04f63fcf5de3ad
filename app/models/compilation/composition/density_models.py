"""Models that decide by densities of normal distributions, as parts of a `ComposedKernel`."""

from dataclasses import replace
from typing import Any

import numpy as np

from app.models.compilation import NotCompilable
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


def quadratic(model: Any, width: int, member: Member) -> Part:
    """Quadratic discriminant analysis, whose probabilities are a softmax of each class's density.

    :raises NotCompilable: for numbers of single precision.
    """
    maps = [turn * scaling**-0.5 for turn, scaling in zip(model.rotations_, model.scalings_, strict=True)]
    if any(each.dtype != np.float64 for each in (model.means_, *maps)):
        raise NotCompilable("densities of single precision have no compiled form")
    data = {"op": "quadratic", "means": model.means_, "maps": np.stack([_square(each) for each in maps])}
    sizes = np.array([np.sum(np.log(scaling)) for scaling in model.scalings_])
    logs = Part(data | {"sizes": sizes, "priors": model.priors_}, "scores", True)
    logs = logs.then("scores", op="decided", tie=TIE_WITHIN)
    scores = logs.then("scores", op="margin") if len(maps) == 2 else logs
    return replace(logs.then("probabilities", op="tempered", beta=1.0, logs=False), scores=scores)


def _square(weights: Any) -> Any:
    """The weights, (inputs, outputs), with outputs of zero where a class has less of them than inputs."""
    return np.pad(weights, ((0, 0), (0, len(weights) - weights.shape[1])))


def envelope(model: Any, width: int, member: Member) -> Part:
    """The decision function of an elliptic envelope."""
    part = Part(
        {"op": "apart", "center": model.location_, "precision": model.get_precision()}, "values", True
    )
    return part.then("scored", op="scaled", factor=-1.0, shift=-float(model.offset_))
