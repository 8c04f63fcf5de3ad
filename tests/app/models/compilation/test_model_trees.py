"""The trees of a graph are those of the model, each class's without what has no row of it."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from app.models.compilation.compilers import onnx_compilers
from app.models.compilation.model_trees import of_forest
from app.models.engines.kernel import load_kernel
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
