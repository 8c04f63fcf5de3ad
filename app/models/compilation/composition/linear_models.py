"""Models that are a product of the row, or of its kernels with some points: parts of a `ComposedKernel`."""

from dataclasses import replace
from typing import Any

import numpy as np

from app.models.compilation import NotCompilable
from app.models.compilation.composition.part import (
    TIE_WITHIN,
    Member,
    Part,
    joined,
    labels_of,
    step_part,
)
from app.models.compilation.transformers.matrix_transformers import kernel_map, project


def affine(weights: Any, shift: Any) -> Part:
    """``x @ weights.T + shift``, with weights (outputs, inputs).

    :raises NotCompilable: for weights of single precision.
    """
    return step_part(project(weights)).then("values", op="scaled", factor=1.0, shift=np.ravel(shift))


def _linear(model: Any) -> Part:
    return affine(np.atleast_2d(model.coef_), model.intercept_)


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
    columns = [Part({"op": "columns", "columns": [i]}, "values", True) for i in range(len(model.coef_))]
    labels = labels_of(columns, probabilities=False)
    return replace(joined("chain", [scores, labels], "labelled"), targets=labels.targets)


def kernel_ridge(model: Any, width: int, member: Member) -> Part:
    """Kernel ridge regression.

    :raises NotCompilable: as `kernel_map`.
    """
    weights = np.asarray(model.dual_coef_).reshape(model.X_fit_.shape[0], -1).T
    return step_part(kernel_map(model.kernel, model.X_fit_, weights, model.gamma, model.coef0, model.degree))


def label_propagation(model: Any, width: int, member: Member) -> Part:
    """Shares of the labels of all training rows, weighted by their kernels.

    :raises NotCompilable: by neighbours, by functions, and as `kernel_map`.
    """
    if model.kernel != "rbf":
        raise NotCompilable("label propagation by neighbours or a kernel of one's own")
    step = kernel_map("rbf", model.X_, model.label_distributions_.T, model.gamma, 0.0, 0.0)
    return step_part(step).then("probabilities", op="shares")


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
