"""Boosted trees as an ONNX graph that computes as their library does, to the last bit of every sum."""

from dataclasses import replace

import numpy as np
from onnx import ModelProto, TensorProto

from app.models.compilation.boosting.boosted_trees import ZERO_UP_TO, BoostedTrees
from app.models.compilation.model_trees import ModelTree
from app.models.compilation.tree_operator import Chain


def trees_of_graph(model: BoostedTrees) -> list[ModelTree]:
    """The trees as the graph has them.

    Sums of single precision are left to the operators after the trees, and their start is in the leaves of
    each output's first tree.
    """
    if not model.single:
        return model.trees
    started: set[int] = set()
    trees = []
    for position, tree in enumerate(model.trees):
        values = tree.values
        if tree.target not in started:
            started.add(tree.target)
            values = (values.astype(np.float32) + np.float32(model.base[tree.target])).astype(np.float64)
        trees.append(replace(tree, values=values, target=position))
    return trees


def boosted_graph(model: BoostedTrees, trees: list[ModelTree], *, width: int, classes: bool) -> ModelProto:
    """The graph from X, float64 (n, width), to probabilities (n, classes) or values (n, outputs).

    :param trees: of `trees_of_graph`.
    :param classes: of a logistic model, whether both probabilities are wanted.
    """
    chain = Chain()
    around_trees(chain, model, trees, width=width, classes=classes)
    return chain.model(width=width)


def around_trees(
    chain: Chain, model: BoostedTrees, trees: list[ModelTree], *, width: int, classes: bool
) -> None:
    """Append the operators before the trees, the trees, and the operators that follow them."""
    _with_codes(_with_missing(chain, model), model, width)
    chain.trees(trees, targets=len(trees) if model.single else model.outputs)
    _link(_sum(chain, model), model, classes=classes)
    if model.single:
        chain.then("Cast", to=TensorProto.DOUBLE)


def _with_missing(chain: Chain, model: BoostedTrees) -> Chain:
    """NaN for what stands for a missing value."""
    if model.missing is not None:
        chain.then("Equal", float(np.float32(model.missing)))
    elif model.zero_is_missing:
        chain.then("Abs").then("LessOrEqual", ZERO_UP_TO)
    else:
        return chain
    return chain.then("Where", np.nan, "X")


def _with_codes(chain: Chain, model: BoostedTrees, width: int) -> Chain:
    """Whole numbers in columns of categories, as a conversion to an integer cuts them."""
    if not model.category_columns:
        return chain
    rows, is_code = chain.last, np.isin(np.arange(width), model.category_columns)
    signs = chain.then("Sign").last
    chain.last = rows
    return chain.then("Abs").then("Floor").then("Mul", signs).then("Where", rows, first=is_code)


def _sum(chain: Chain, model: BoostedTrees) -> Chain:
    """From the trees' leaves or their sums to the raw numbers, (n, outputs)."""
    if not model.single:
        for operator, number in (("Div", model.divisor), ("Mul", model.scale)):
            if number != 1.0:
                chain.then(operator, number)
        return chain.then("Add", np.array(model.base)) if any(model.base) else chain
    targets = np.array([tree.target for tree in model.trees])
    # (trees of each output, outputs): a cumulative sum adds in order, other sums in an order of their own.
    columns = np.stack([np.flatnonzero(targets == output) for output in range(model.outputs)], axis=1)
    chain.then("Cast", to=TensorProto.FLOAT).then("Gather", columns, axis=1).then("CumSum", np.array(1))
    return chain.then("Gather", np.array(len(columns) - 1), axis=1)


def _link(chain: Chain, model: BoostedTrees, *, classes: bool) -> None:
    """From the raw numbers to the prediction, rounding where the library does."""
    one = np.float32(1.0) if model.single else np.float64(1.0)
    if model.link == "square":
        raw = chain.last
        chain.then("Abs").then("Mul", raw)
    elif model.link == "exp":
        _exp(chain, model)
    elif model.link == "logistic":
        _exp(chain.then("Neg"), model).then("Add", one).then("Div", first=one)
        if classes:
            chain.with_complement(one)
    elif model.link == "softmax":
        raw = chain.last
        largest = chain.then("ReduceMax", np.array([1])).last
        chain.last = raw
        share = _exp(chain.then("Sub", largest), model).last
        if model.single:
            chain.then("Cast", to=TensorProto.DOUBLE)
        total = chain.then("ReduceSum", np.array([1])).last
        if model.single:
            total = chain.then("Cast", to=TensorProto.FLOAT).last
        chain.last = share
        chain.then("Div", total)


def _exp(chain: Chain, model: BoostedTrees) -> Chain:
    """Of single precision: rounded from double, as C libraries compute it."""
    if not model.single:
        return chain.then("Exp")
    return chain.then("Cast", to=TensorProto.DOUBLE).then("Exp").then("Cast", to=TensorProto.FLOAT)
