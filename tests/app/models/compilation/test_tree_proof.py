from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from app.models.compilation import tree_graph, tree_proof


@pytest.mark.parametrize("field", ["threshold", "values", "feature", "missing_left"])
def test_one_number_of_a_large_forest_that_is_off_is_found_by_the_proof(field):
    rows, target = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
    model = RandomForestClassifier(20, random_state=0).fit(rows, target)
    trees = tree_graph.trees_of_graph(model)
    content = tree_graph.tree_graph(model, trees, width=6).SerializeToString()
    assert tree_proof.difference(content, trees) is None
    tree = trees[13]
    node = int(np.flatnonzero(tree.left < 0 if field == "values" else tree.left >= 0)[-1])
    changed = getattr(tree, field).copy()
    changed[node] = np.nextafter(changed[node], np.inf) if field == "threshold" else 1 - changed[node]
    moved = [*trees[:13], replace(tree, **{field: changed}), *trees[14:]]
    assert tree_proof.difference(content, moved).startswith("tree 13: ")


def test_sets_of_categories_are_proven_too():
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 8, size=(400, 2)).astype(float)
    target = np.isin(rows[:, 0], (1, 3, 6)).astype(int)
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0, 1]).fit(rows, target)
    bare = model
    trees = tree_graph.trees_of_graph(bare)
    content = tree_graph.tree_graph(bare, trees, width=2).SerializeToString()
    assert tree_proof.difference(content, trees) is None
    tree = next(tree for tree in trees if tree.categories)
    node, members = next(iter(tree.categories.items()))
    other = dict(tree.categories) | {node: members ^ {0}}
    moved = [replace(each, categories=other) if each is tree else each for each in trees]
    assert tree_proof.difference(content, moved) is not None
