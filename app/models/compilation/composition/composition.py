"""A model as parts of a `ComposedKernel`: each member of an ensemble compiled by its own compiler."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import library_of
from app.models.compilation.composition.composed_models import COMPOSED_MODELS
from app.models.compilation.composition.part import PREDICTION, PROBABILITIES, SCORES, TIE_WITHIN, Part
from app.models.compilation.labels import follow_from_numbers
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
from app.models.compilation.tree_graph import has_tree_graph
from app.models.engines.composed.composed_kernel import packed
from app.models.engines.kernel import COMPOSED_FILE, KernelSpec
from app.models.engines.nesting import estimators_in
from app.models.schema.signature import Feature, InputSignature, OutputSignature

# From an estimator to its compilers, by form; each from it, its output and its width to (file, spec, proven).
Compile = Callable[[Any, OutputSignature, int], tuple[bytes, KernelSpec, bool]]
CompilersOf = Callable[[Any], Mapping[str, Compile]]


def is_composed(estimator: Any) -> bool:
    """True if `compose` knows this class; a subclass may predict otherwise."""
    return type(estimator) in COMPOSED_MODELS and not has_tree_graph(estimator)


def compose(estimator: Any, width: int, compilers_of: CompilersOf) -> tuple[bytes, KernelSpec, bool]:
    """The file of a `ComposedKernel`, how to call it, and whether every tree in it is proven.

    :raises NotCompilable: naming what has no compiled form.
    """
    part = COMPOSED_MODELS[type(estimator)](estimator, width, _Composer(compilers_of).member)
    spec = KernelSpec(COMPOSED_FILE, "float64", False, part.reading, tie=TIE_WITHIN, targets=part.targets)
    return packed(part.data), spec, part.proven


@dataclass(frozen=True)
class _Composer:
    """Compiles members by the compilers given, which may compose in turn."""

    compilers_of: CompilersOf

    def member(self, estimator: Any, width: int, method: str, classes: int = 0) -> Part:
        """A member's result by one of its methods, from ``width`` columns.

        :param classes: how many the member must know, if it is a classifier.
        """
        transformers, last = split(estimator)
        if classes and len(last.classes_) != classes:
            raise NotCompilable("a member has not seen every class")
        names = getattr(estimator, "feature_names_in_", [f"column {i}" for i in range(width)])
        signature = InputSignature(tuple(Feature(str(name), "number") for name in names), "array")
        preprocessor = compile_preprocessing(transformers, signature, last)
        if transformers:
            width = preprocessor.apply(np.ones((1, width))).shape[1]
        part = self._result(last, width, method)
        if not transformers:
            return part
        prepared = {"op": "prepared", "preprocessor": preprocessor.to_dict()}
        return Part({"op": "chain", "parts": [prepared, part.data]}, part.reading, part.proven)

    def _result(self, last: Any, width: int, method: str) -> Part:
        """A bare member's result; a predicted label is its code, or NaN if it is undecided."""
        labels = method == PREDICTION and hasattr(last, "classes_")
        probabilities = method == PROBABILITIES or (labels and hasattr(last, PROBABILITIES))
        if is_composed(last):
            part = COMPOSED_MODELS[type(last)](last, width, self.member)
            if part.targets != 1:
                raise NotCompilable("a member of several labels a row")
            if method == SCORES and part.scores:
                part = part.scores
            if probabilities and not labels and part.reading == "labelled":
                part = part.then(
                    "probabilities", op="columns", columns=list(range(1, 1 + len(last.classes_)))
                )
        else:
            if labels and not follow_from_numbers(last, probabilities=probabilities):
                raise NotCompilable(f"the labels of {type(last).__name__} do not follow from its numbers")
            part = self._leaf(last, width, probabilities=probabilities)
        wanted = "values" if not hasattr(last, "classes_") else "probabilities" if probabilities else "scores"
        if labels and part.reading == "labelled":
            return part.then("labelled", op="columns", columns=[0])
        if part.reading != wanted:
            raise NotCompilable(f"{type(last).__name__} has no {wanted}")
        return part.then("labelled", op="label", tie=TIE_WITHIN) if labels else part

    def _leaf(self, last: Any, width: int, *, probabilities: bool) -> Part:
        """A member compiled as if it were alone, with codes for its labels."""
        classes = getattr(last, "classes_", None)
        output = OutputSignature("regression")
        if classes is not None:
            output = OutputSignature("classification", tuple(range(len(classes))), probabilities)
            if np.asarray(classes).dtype.kind in "OUS":
                last = copy(last)
                last.classes_ = np.arange(len(classes))
        form, compiler = next(iter(self.compilers_of(last).items()))
        if form == "trees" and output.classes and not probabilities and not hasattr(last, SCORES):
            raise NotCompilable(f"the graph of {type(last).__name__} has probabilities and no scores")
        content, spec, proven = compiler(last, output, width)
        data = {"op": "graph", "content": content, "spec": asdict(spec)}
        trees = library_of(last) or any(
            hasattr(p, "tree_") or hasattr(p, "_predictors") for p in estimators_in(last)
        )
        return Part(data, spec.reading, proven or not trees)
