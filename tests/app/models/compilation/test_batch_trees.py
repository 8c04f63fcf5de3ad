"""Trees as arrays for calls of many rows: the numbers of the graph, and the model's own, to the last bit."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn import ensemble, tree

from app.models.compilation import NotCompilable, batch_trees, tree_graph
from app.models.compilation.compilers import onnx_compilers
from app.models.engines.composed.composed_kernel import function_of, packed, unpacked
from app.models.engines.composed.tree_sums import BLOCK
from app.models.engines.kernel import load_kernel
from app.models.schema.signature import OutputSignature

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(600, 6)).astype(np.float32).astype(float)
HOLES = np.where(GENERATOR.random(ROWS.shape) < 0.2, np.nan, ROWS)
CLASSES = (ROWS[:, 0] + ROWS[:, 1] ** 2 > 1).astype(int) + (ROWS[:, 2] > 1)
NUMBERS = 3 * ROWS[:, 0] + ROWS[:, 3] ** 2
SMALL = {"n_estimators": 12, "random_state": 0}
CLASSIFIERS = [
    (ensemble.RandomForestClassifier(**SMALL), ROWS),
    (ensemble.RandomForestClassifier(**SMALL, max_depth=3), HOLES),
    (ensemble.ExtraTreesClassifier(**SMALL, max_depth=5), ROWS),
    (tree.DecisionTreeClassifier(max_depth=1), ROWS),
    (ensemble.GradientBoostingClassifier(**SMALL), ROWS),
    (ensemble.HistGradientBoostingClassifier(max_iter=12), HOLES),
    (xgboost.XGBClassifier(n_estimators=12), HOLES),
    (lightgbm.LGBMClassifier(n_estimators=12, verbose=-1), HOLES),
]
REGRESSORS = [
    (ensemble.RandomForestRegressor(**SMALL), HOLES),
    (tree.DecisionTreeRegressor(), ROWS),
    (ensemble.GradientBoostingRegressor(**SMALL), ROWS),
    (ensemble.HistGradientBoostingRegressor(loss="gamma", max_iter=12), HOLES),
    (ensemble.IsolationForest(**SMALL), ROWS),
    (xgboost.XGBRegressor(n_estimators=12, missing=0.25), ROWS),  # a graph before the trees too
    (lightgbm.LGBMRegressor(n_estimators=12, verbose=-1, zero_as_missing=True), HOLES),
]
CASES = [(*case, CLASSES) for case in CLASSIFIERS] + [(*case, np.exp(NUMBERS)) for case in REGRESSORS]


def kernels(model, rows, target):
    model.fit(rows, target)
    output = OutputSignature("regression")
    if target is CLASSES:
        output = OutputSignature("classification", (0, 1, 2), probabilities=True)
    made = []
    for engine, compilers in (("onnx", onnx_compilers), ("numba", batch_trees.numba_compilers)):
        content, spec, proven = compilers(model)["trees"](model, output, rows.shape[1])
        assert proven
        made.append(load_kernel(engine, content, spec).run)
    return made


def on_thresholds(rows):
    """The rows, and those one step of float32 to either side."""
    single = rows.astype(np.float32)
    steps = [np.nextafter(single, np.float32(to)) for to in (-np.inf, np.inf)]
    return np.concatenate([rows, *steps]).astype(float)


@pytest.mark.parametrize(("model", "rows", "target"), CASES, ids=lambda case: type(case).__name__)
def test_every_number_is_that_of_the_graph(model, rows, target):
    by_graph, by_arrays = kernels(model, rows, target)
    tried = on_thresholds(rows)
    assert np.array_equal(by_arrays(tried), by_graph(tried))
    for count in (1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3):
        assert np.array_equal(by_arrays(tried[:count]), by_graph(tried[:count]))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_forests_sums_are_the_models_to_the_last_bit(n_jobs):
    model = ensemble.RandomForestClassifier(100, max_depth=4, random_state=0, n_jobs=n_jobs)
    _, by_arrays = kernels(model, HOLES, CLASSES)
    model.n_jobs = 1  # threads would add in the order in which they end
    assert np.array_equal(by_arrays(HOLES), model.predict_proba(HOLES))


@pytest.fixture
def forest():
    """Trees of a model whose leaves are mixed and whose splits know where NaN goes, and their arrays."""
    model = ensemble.RandomForestClassifier(5, max_depth=4, random_state=0).fit(HOLES, CLASSES)
    trees = tree_graph.trees_of_graph(model)
    part = unpacked(packed(batch_trees.tree_part(trees, width=6, targets=3)))
    assert all(batch_trees.difference(part, i, each) is None for i, each in enumerate(trees))
    return trees, part


@pytest.mark.parametrize("field", ["threshold", "values", "feature", "missing_left", "target"])
def test_one_number_that_is_off_is_found_by_the_proof(forest, field):
    trees, part = forest
    changed = getattr(trees[3], field)
    if field != "target":
        reached, _ = batch_trees._by_level(trees[3])
        node = next(i for i in reached.tolist() if (trees[3].left[i] < 0) == (field == "values"))
        changed = changed.copy()
        changed[node] = np.nextafter(changed[node], np.inf) if field == "threshold" else 1 - changed[node]
    else:
        changed += 1
    assert batch_trees.difference(part, 3, replace(trees[3], **{field: changed})) is not None


@pytest.mark.parametrize("more", [True, False])
def test_a_branch_that_ends_elsewhere_is_found_by_the_proof(forest, more):
    trees, part = forest
    depths = part["depths"].copy()
    depths[3] -= 1
    left = trees[3].left.copy()
    left[0] = -1
    tree_, part = (trees[3], {**part, "depths": depths}) if more else (replace(trees[3], left=left), part)
    assert batch_trees.difference(part, 3, tree_) is not None


def test_trees_that_are_off_are_refused_when_they_are_compiled(monkeypatch):
    by_level = batch_trees._columns

    def careless(*args):
        return {**(found := by_level(*args)), "threshold": np.float32(found["threshold"]) + 1e-3}

    monkeypatch.setattr(batch_trees, "_columns", careless)
    with pytest.raises(NotCompilable, match="tree 0: a split or a leaf differs"):
        kernels(ensemble.RandomForestClassifier(**SMALL), ROWS, CLASSES)


def changed(part, name, position, value):
    column = part[name].copy()
    column[position] = value
    return {**part, name: column}


@pytest.mark.parametrize(
    ("name", "value"),
    [("onward", 2**31), ("feature", 6), ("targets", 3), ("roots", 2**20), ("depths", 2**31)],
)
def test_arrays_that_point_at_nothing_are_refused(forest, name, value):
    _, part = forest
    with pytest.raises(ValueError, match="point at what does not exist"):
        function_of(changed(part, name, 0, value))


@pytest.mark.parametrize("name", ["values", "targets", "depths"])
def test_arrays_of_different_lengths_are_refused(forest, name):
    _, part = forest
    with pytest.raises(ValueError, match="point at what does not exist"):
        function_of({**part, name: part[name][:-1]})


@pytest.mark.parametrize(
    ("name", "kind"), [("onward", "f8"), ("roots", "i4"), ("targets", "i8"), ("threshold", "f4")]
)
def test_arrays_of_other_kinds_are_refused(forest, name, kind):
    _, part = forest
    with pytest.raises(ValueError, match="arrays are of other kinds"):
        function_of({**part, name: part[name].astype(kind)})
    with pytest.raises(ValueError, match="arrays are of other kinds"):
        function_of({**part, name: part[name][:, None]})


def test_more_levels_than_nodes_are_refused(forest):
    """Their loop would not end."""
    _, part = forest
    depths = np.full(len(part["roots"]), len(part["threshold"]) // 2, "u4")
    with pytest.raises(ValueError, match="point at what does not exist"):
        function_of({**part, "depths": depths})


@pytest.mark.parametrize(
    ("model", "tie"),
    [(ensemble.RandomForestClassifier(**SMALL), None), (ensemble.GradientBoostingClassifier(**SMALL), 1e-9)],
)
def test_only_sums_in_another_order_than_the_models_leave_ties_open(model, tie):
    output = OutputSignature("classification", (0, 1, 2), probabilities=True)
    _, spec, _ = batch_trees.numba_compilers(model)["trees"](model.fit(ROWS, CLASSES), output, ROWS.shape[1])
    assert spec.tie == tie


def test_rows_of_another_width_are_refused(forest):
    _, part = forest
    with pytest.raises(ValueError, match="trees of 6 columns got 7"):
        function_of(part)(np.zeros((1, 7)))


def test_sets_of_categories_have_no_such_form():
    rows = GENERATOR.integers(0, 8, size=(400, 2)).astype(float)
    target = np.isin(rows[:, 0], (1, 3, 6)).astype(int)
    model = ensemble.HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]).fit(rows, target)
    with pytest.raises(NotCompilable, match="sets of categories"):
        batch_trees.tree_part(tree_graph.trees_of_graph(model), width=2, targets=1)


def test_so_many_nodes_have_no_such_form(monkeypatch):
    monkeypatch.setattr(batch_trees, "MOST_NODES", 100)
    with pytest.raises(NotCompilable, match="more than 100 nodes"):
        kernels(ensemble.RandomForestClassifier(**SMALL), ROWS, CLASSES)


def test_other_models_have_none():
    assert batch_trees.numba_compilers(ensemble.BaggingClassifier()) == {}
