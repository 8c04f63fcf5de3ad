"""Support vector machines in float64, as operations of a `ComposedKernel`: skl2onnx has them in float32."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import svm

from app.models.compilation import NotCompilable
from app.models.compilation.composition.part import TIE_WITHIN, Member, Part, step_part
from app.models.compilation.transformers.matrix_transformers import kernel_map

MACHINES = (svm.SVC, svm.NuSVC, svm.SVR, svm.NuSVR, svm.OneClassSVM)


def support_vectors(model: Any, width: int, member: Member) -> Part:
    """The decision function, or the code of the class of most votes.

    :raises NotCompilable: for kernels of one's own, sparse support vectors, and what votes do not decide.
    """
    classes = len(getattr(model, "classes_", ()))
    if getattr(model, "probability", False) is True or (classes > 2 and model.break_ties):
        raise NotCompilable("the labels of a support vector machine do not follow from its votes alone")
    if callable(model.kernel) or issparse(model.support_vectors_):
        raise NotCompilable("a support vector machine with a kernel of its own or sparse vectors")
    weights = model.dual_coef_ if classes <= 2 else _pairs(model)
    step = kernel_map(model.kernel, model.support_vectors_, weights, model._gamma, model.coef0, model.degree)
    part = step_part(step).then("values", op="scaled", factor=1.0, shift=model.intercept_)
    if classes > 2:
        return part.then("labelled", op="pair_votes", classes=classes, tie=TIE_WITHIN)
    return replace(
        part, reading="scores" if classes else "scored" if type(model) is svm.OneClassSVM else "values"
    )


def _pairs(model: Any) -> Any:
    """A row of weights for each pair of classes: libsvm keeps those of a class against each other one."""
    ends = np.cumsum(model.n_support_)
    of_class = [slice(end - count, end) for count, end in zip(model.n_support_, ends, strict=True)]
    rows = []
    for one, other in combinations(range(len(of_class)), 2):
        weights = np.zeros(len(model.support_vectors_))
        weights[of_class[one]] = model.dual_coef_[other - 1, of_class[one]]
        weights[of_class[other]] = model.dual_coef_[one, of_class[other]]
        rows.append(weights)
    return np.array(rows)
