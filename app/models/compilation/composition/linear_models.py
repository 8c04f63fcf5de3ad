"""Models that are a product of the row, or of its kernels with some points: parts of a `ComposedKernel`."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from app.models.compilation import NotCompilable
from app.models.compilation.composition.part import TIE_WITHIN, Member, Part
from app.models.engines.preprocessing.matrix_steps import KernelMap, Project, Weights
from app.models.engines.preprocessing.preprocessor import Preprocessor

KERNELS = {"rbf": "rbf", "linear": "linear", "poly": "poly", "polynomial": "poly", "sigmoid": "sigmoid"}


def _step(step: Any) -> Part:
    preprocessor = Preprocessor(steps=(step,)).to_dict()
    return Part({"op": "chain", "parts": [{"op": "prepared", "preprocessor": preprocessor}]}, "values", True)


def kernel_map(kernel: str, points: Any, weights: Any, gamma: float, coef0: float, degree: float) -> Part:
    """The kernels of a row with the points, (n, width), times the weights, (outputs, n)."""
    step = KernelMap(kernel, _rows(points), _rows(weights), float(gamma), float(coef0), float(degree))
    return _step(step)


def _rows(matrix: Any) -> Weights:
    return tuple(map(tuple, np.asarray(matrix, dtype=np.float64).tolist()))


def _linear(model: Any) -> Part:
    """``x @ coef_.T + intercept_``."""
    coefficients = np.atleast_2d(model.coef_)
    between = None if coefficients.flags.c_contiguous else len(coefficients)
    part = _step(Project(_rows(coefficients), None, None, between))
    return part.then("values", op="scaled", factor=1.0, shift=np.ravel(model.intercept_))


def discriminant(model: Any, width: int, member: Member) -> Part:
    """Linear discriminant analysis, whose probabilities are a softmax of its scores."""
    beta = 0.5 if len(model.classes_) == 2 else 1.0
    scores = replace(_linear(model), reading="scores")
    decided = scores.then("scores", op="decided", tie=TIE_WITHIN)
    return replace(decided.then("probabilities", op="tempered", beta=beta, logs=False), scores=scores)


def ridge(model: Any, width: int, member: Member) -> Part:
    """A ridge classifier, of one label a row, or of several: those of positive scores."""
    scores = _linear(model)
    if not model._label_binarizer.y_type_.startswith("multilabel"):
        return replace(scores, reading="scores")
    targets = len(model.coef_)
    parts = [{"op": "columns", "columns": [target]} for target in range(targets)]
    found = scores.then("labelled", op="several", parts=parts, tie=TIE_WITHIN, probabilities=False)
    return replace(found, targets=targets)


def kernel_ridge(model: Any, width: int, member: Member) -> Part:
    """Kernel ridge regression.

    :raises NotCompilable: for sparse training rows and other kernels.
    """
    if model.kernel not in KERNELS or issparse(model.X_fit_):
        raise NotCompilable("kernel ridge regression with another kernel or sparse rows")
    points = np.asarray(model.X_fit_, dtype=np.float64)
    gamma = 1.0 / points.shape[1] if model.gamma is None else model.gamma
    weights = np.asarray(model.dual_coef_).reshape(len(points), -1).T
    return kernel_map(KERNELS[model.kernel], points, weights, gamma, model.coef0, model.degree)


def label_propagation(model: Any, width: int, member: Member) -> Part:
    """Shares of the labels of all training rows, weighted by their kernels.

    :raises NotCompilable: for sparse training rows and other kernels.
    """
    if model.kernel != "rbf" or issparse(model.X_):
        raise NotCompilable("label propagation by neighbours or a kernel of one's own, or from sparse rows")
    part = kernel_map("rbf", model.X_, model.label_distributions_.T, model.gamma, 0.0, 0.0)
    return part.then("probabilities", op="shares")


def constant(model: Any, width: int, member: Member) -> Part:
    """Dummy estimators.

    :raises NotCompilable: for labels by chance.
    """
    if not hasattr(model, "classes_"):
        return Part({"op": "constant", "numbers": np.ravel(model.constant_)}, "values", True)
    if model.strategy in ("stratified", "uniform"):
        raise NotCompilable("labels by chance")
    row = np.zeros((1, width))
    shares = model.predict_proba(row)[0]
    code = model.classes_.tolist().index(model.predict(row)[0])
    return Part({"op": "constant", "numbers": [code, *shares]}, "labelled", True)
