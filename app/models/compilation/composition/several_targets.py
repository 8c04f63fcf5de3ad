"""One estimator for several targets, and chains of them, as parts of a `ComposedKernel`."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from app.models.compilation import NotCompilable, tree_graph, tree_proof
from app.models.compilation.composition.linear_models import affine
from app.models.compilation.composition.part import (
    PREDICTION,
    PROBABILITIES,
    TIE_WITHIN,
    Member,
    Part,
    joined,
    labels_of,
)
from app.models.compilation.labels import follow_from_numbers
from app.models.compilation.pipeline_preprocessing import split
from app.models.engines.kernel import KernelSpec


def forest(model: Any, width: int, member: Member) -> Part:
    """Trees with several targets: a graph for each."""
    classes = hasattr(model, "classes_")
    if classes and min(map(len, model.classes_)) < 2:
        raise NotCompilable("a target of one class has no compiled form")
    parts = []
    for output in range(model.n_outputs_):
        trees = tree_graph.trees_of_graph(model, output)
        content = tree_graph.tree_graph(model, trees, width=width, output=output).SerializeToString()
        tree_proof.check(content, trees)
        spec = KernelSpec("model.onnx", "float64", True, "probabilities" if classes else "values")
        parts.append(Part({"op": "graph", "content": content, "spec": asdict(spec)}, spec.reading, True))
    return labels_of(parts, probabilities=True) if classes else joined("beside", parts, "values")


def network(model: Any, width: int, member: Member) -> Part:
    """A classifying network, of one label a row or of several, of which each has a probability of its own."""
    activations = [model.activation] * (len(model.coefs_) - 1)
    part = Part({"op": "all"}, "values", True)
    for weights, shift, activation in zip(
        model.coefs_, model.intercepts_, [*activations, "identity"], strict=True
    ):
        part = joined("chain", [part, affine(weights.T, shift)], "values")
        part = part.then("values", op="activation", function=activation)
    if model.out_activation_ == "softmax":
        decided = part.then("scores", op="decided", tie=TIE_WITHIN)
        return decided.then("probabilities", op="tempered", beta=1.0, logs=False)
    part = part.then("values", op="activation", function="logistic")
    if not model._label_binarizer.y_type_.startswith("multilabel"):
        return part.then("probabilities", op="shares")
    columns = [{"op": "columns", "columns": [target]} for target in range(model.n_outputs_)]
    both = [Part(each, "values", True).then("probabilities", op="shares") for each in columns]
    found = joined("chain", [part, labels_of(both, probabilities=True)], "labelled")
    return replace(found, targets=len(both))


def chain(model: Any, width: int, member: Member) -> Part:
    """Estimators of which each takes the predictions of those before it as columns.

    :raises NotCompilable: where these are no predictions, or do not follow from a member's numbers.
    """
    classes = getattr(model, "classes_", None)
    if classes is None:
        parts = [member(each, width + i, PREDICTION) for i, each in enumerate(model.estimators_)]
        return joined("chained", parts, "values", order=np.array(model.order_), classes=None)
    if model.chain_method_ != PREDICTION or any(each.dtype.kind not in "biuf" for each in classes):
        raise NotCompilable("a chain of numbers other than the predicted labels")
    if not all(
        hasattr(each, PROBABILITIES) and follow_from_numbers(split(each)[1], probabilities=True)
        for each in model.estimators_
    ):
        raise NotCompilable("the labels of a chain's members do not follow from their probabilities")
    parts = [member(each, width + i, PROBABILITIES) for i, each in enumerate(model.estimators_)]
    values = [each.astype(np.float64) for each in classes]
    binary = all(len(each) == 2 for each in classes)  # of others scikit-learn says only one probability
    order = {"order": np.array(model.order_), "classes": values, "tie": TIE_WITHIN}
    return replace(joined("chained", parts, "labelled", **order, probabilities=binary), targets=len(parts))
