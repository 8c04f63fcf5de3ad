"""The trees of a graph are those of the model, each class's without what has no row of it."""

import numpy as np
import pytest
from onnx import load_model_from_string
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from app.models.compilation import tree_graph, tree_operator, tree_proof
from app.models.compilation.compilers import onnx_compilers
from app.models.compilation.model_trees import of_forest
from app.models.engines.kernel import TIE, load_kernel
from app.models.schema.signature import OutputSignature

GENERATOR = np.random.default_rng(0)
ROWS = np.round(GENERATOR.normal(size=(1500, 4)), 1)
CLASSES = 30
TARGET = (np.abs(ROWS[:, 0] * 20 + ROWS[:, 1] * 3).astype(int)) % CLASSES


def test_a_forest_of_many_classes_is_not_copied_for_each():
    """30 copies of each tree would have 30 times its splits."""
    model = RandomForestClassifier(5, max_depth=7, min_samples_leaf=3, random_state=0).fit(ROWS, TARGET)
    splits = sum(int((tree.tree_.children_left >= 0).sum()) for tree in model.estimators_)
    copied = sum(int((tree.left >= 0).sum()) for tree in of_forest(model))
    assert splits < copied < CLASSES * splits / 2
    output = OutputSignature("classification", tuple(range(len(model.classes_))), probabilities=True)
    content, spec, proven = onnx_compilers(model)["trees"](model, output, 4)
    assert proven
    rows = ROWS.astype(np.float32).astype(np.float64)  # as the engine rounds them for a forest
    np.testing.assert_array_equal(load_kernel("onnx", content, spec).run(rows), model.predict_proba(rows))


@pytest.mark.parametrize(
    ("model", "tie"),
    [
        (RandomForestClassifier(9, random_state=0), None),  # whole numbers, whose sum is exact in any order
        (RandomForestClassifier(9, max_depth=4, random_state=0), TIE["float64"]),
        (RandomForestRegressor(9, max_depth=4, random_state=0), TIE["float64"]),
    ],
    ids=["pure leaves", "shares", "numbers"],
)
def test_a_large_forest_is_the_sum_of_several_operators(monkeypatch, model, tie):
    monkeypatch.setattr(tree_operator, "MOST_SPLITS", 40)
    model.fit(ROWS, TARGET)
    classes = tuple(range(len(getattr(model, "classes_", ()))))
    output = OutputSignature("classification" if classes else "regression", classes, bool(classes))
    content, spec, proven = onnx_compilers(model)["trees"](model, output, 4)
    operators = [node.op_type for node in load_model_from_string(content).graph.node]
    assert operators.count("TreeEnsemble") > 2
    assert (proven, spec.tie) == (True, tie)
    rows = ROWS.astype(np.float32).astype(np.float64)
    found = load_kernel("onnx", content, spec).run(rows)
    if tie is None:
        np.testing.assert_array_equal(found, model.predict_proba(rows))
    else:
        own = model.predict_proba(rows) if classes else model.predict(rows)[:, None]
        np.testing.assert_allclose(found, own, rtol=1e-12, atol=1e-12)


def test_branches_of_a_tree_that_end_in_equal_leaves_share_one():
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, ROWS[:, 0] > 0)
    trees = tree_graph.trees_of_graph(model)
    graph = tree_graph.tree_graph(model, trees, width=4).graph
    leaves = next(each for each in graph.node[0].attribute if each.name == "leaf_targetids")
    assert list(leaves.ints) == [0, 1] * 5


def test_operators_are_no_larger_than_protobuf_has_room_for(monkeypatch):
    monkeypatch.setattr(tree_operator, "MOST_SPLITS", 300)
    model = RandomForestRegressor(9, max_leaf_nodes=101, random_state=0).fit(ROWS, TARGET)
    trees = tree_graph.trees_of_graph(model)
    assert [len(group) for group in tree_operator.groups(trees)] == [3, 3, 3]
    assert [len(group) for group in tree_operator.groups(trees[:1] * 2)] == [2]
    larger = RandomForestRegressor(2, max_leaf_nodes=400, random_state=0).fit(ROWS, TARGET)
    assert [len(group) for group in tree_operator.groups(tree_graph.trees_of_graph(larger))] == [1, 1]


def test_a_tree_that_is_left_out_of_one_of_several_operators_is_found(monkeypatch):
    monkeypatch.setattr(tree_operator, "MOST_SPLITS", 40)
    model = RandomForestClassifier(9, random_state=0).fit(ROWS, TARGET)
    trees = tree_graph.trees_of_graph(model)
    content = tree_graph.tree_graph(model, trees, width=4).SerializeToString()
    assert tree_proof.difference(content, trees) is None
    assert tree_proof.difference(content, trees[:-1]) is not None
    assert tree_proof.difference(content, [*trees, trees[0]]) is not None
    assert tree_proof.difference(content, [trees[1], trees[0], *trees[2:]]).startswith("tree 0: ")
