"""Contributions of trees: equal to shap's own for the original model, whatever stands before it."""

import itertools
import math
import warnings

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from sklearn import ensemble, tree
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from app.exceptions import InvalidInput
from app.models.explaining.tree_arrays import tree_arrays
from app.models.explaining.tree_margins import ArrayMargins, _extension
from tests.app.models.explaining.conftest import contributions, explained, total

RANDOM = np.random.default_rng(1)
NUMBERS = RANDOM.normal(size=(150, 4))
HOLES = np.where(RANDOM.random(NUMBERS.shape) < 0.1, np.nan, NUMBERS)
VALUES = NUMBERS[:, 0] * 2 + NUMBERS[:, 1] * NUMBERS[:, 2]
THREE = np.digitize(VALUES, [-1.0, 1.0])
TWO = (VALUES > 0).astype(int)
COUNTS = np.exp(VALUES / 4)
QUIET = {"verbose": 0, "allow_writing_files": False}

MODELS = [
    (tree.DecisionTreeClassifier(max_depth=4), NUMBERS, THREE, "probability"),
    (tree.ExtraTreeRegressor(max_depth=4), NUMBERS, VALUES, "value"),
    (ensemble.RandomForestClassifier(8), NUMBERS, TWO, "probability"),
    (ensemble.RandomForestClassifier(8), HOLES, THREE, "probability"),
    (ensemble.RandomForestRegressor(8), HOLES, VALUES, "value"),
    (ensemble.ExtraTreesClassifier(8), NUMBERS, THREE, "probability"),
    (ensemble.ExtraTreesRegressor(8), NUMBERS, VALUES, "value"),
    (ensemble.GradientBoostingClassifier(n_estimators=8), NUMBERS, TWO, "log_odds"),
    (ensemble.GradientBoostingRegressor(n_estimators=8), NUMBERS, VALUES, "value"),
    (ensemble.GradientBoostingRegressor(n_estimators=8, loss="huber"), NUMBERS, VALUES, "value"),
    (ensemble.HistGradientBoostingClassifier(max_iter=8), HOLES, TWO, "log_odds"),
    (ensemble.HistGradientBoostingClassifier(max_iter=8), HOLES, THREE, "log_odds"),
    (ensemble.HistGradientBoostingRegressor(max_iter=8), HOLES, VALUES, "value"),
    (ensemble.HistGradientBoostingRegressor(max_iter=8, loss="poisson"), NUMBERS, COUNTS, "score"),
    (ensemble.IsolationForest(n_estimators=8, max_features=0.5), NUMBERS, None, "score"),
    (xgboost.XGBClassifier(n_estimators=8), HOLES, TWO, "log_odds"),
    (xgboost.XGBClassifier(n_estimators=8), HOLES, THREE, "log_odds"),
    (xgboost.XGBRegressor(n_estimators=8), NUMBERS, VALUES, "value"),
    (xgboost.XGBRegressor(n_estimators=8, objective="count:poisson"), NUMBERS, COUNTS, "score"),
    (lightgbm.LGBMClassifier(n_estimators=8, verbose=-1), HOLES, TWO, "log_odds"),
    (lightgbm.LGBMClassifier(n_estimators=8, verbose=-1), HOLES, THREE, "log_odds"),
    (lightgbm.LGBMRegressor(n_estimators=8, verbose=-1), NUMBERS, VALUES, "value"),
    (catboost.CatBoostClassifier(iterations=8, **QUIET), HOLES, TWO, "log_odds"),
    (catboost.CatBoostClassifier(iterations=8, **QUIET), HOLES, THREE, "log_odds"),
    (catboost.CatBoostRegressor(iterations=8, **QUIET), NUMBERS, VALUES, "value"),
]


@pytest.mark.parametrize(
    ("model", "rows", "target", "scale"),
    MODELS,
    ids=[f"{i}-{type(m[0]).__name__}" for i, m in enumerate(MODELS)],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_contributions_are_those_of_shaps_tree_explainer(served, model, rows, target, scale):
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    model.fit(rows, target)
    reference = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    values = reference.shap_values(rows[:10], check_additivity=False)
    values = values[..., None] if values.ndim == 2 else values
    bases = np.ravel(reference.expected_value)
    lists = [[None if v != v else v for v in row] for row in rows[:10].tolist()]
    for row, each in enumerate(explained(served(model, rows), lists)):
        sign, output = 1.0, 0
        if "class" in each:
            code = model.classes_.tolist().index(each["class"])
            sign, output = (1.0, code) if len(bases) > 1 else (1.0 if code else -1.0, 0)
        assert each["method"] == "tree_shap"
        assert each["scale"] == scale
        by_column = [contributions(each)[f"feature_{column}"] for column in range(4)]
        assert by_column == pytest.approx((sign * values[row, :, output]).tolist(), abs=1e-6)
        assert each["base_value"] == pytest.approx(sign * bases[output], abs=1e-6)
        assert total(each) == pytest.approx(each["margin"], abs=1e-9)
        agrees(each)


def agrees(explanation):
    """The margin says what the answer says."""
    answer, margin = explanation["answer"], explanation["margin"]
    if explanation["scale"] == "value":
        assert margin == pytest.approx(answer["prediction"], abs=1e-5)
    elif explanation["scale"] == "probability":
        assert margin == pytest.approx(answer["confidence"], abs=1e-6)
    elif explanation["scale"] == "log_odds" and len(answer["probabilities"]) == 2:
        assert 1 / (1 + math.exp(-margin)) == pytest.approx(answer["confidence"], abs=1e-5)


@pytest.mark.parametrize(
    ("model", "target", "scale"),
    [
        (ensemble.GradientBoostingClassifier(n_estimators=4), THREE, "log_odds"),
        (ensemble.GradientBoostingClassifier(n_estimators=4, loss="exponential"), TWO, "decision"),
        (ensemble.GradientBoostingRegressor(n_estimators=4, init="zero"), VALUES, "value"),
    ],
    ids=["several-classes", "exponential", "from-zero"],
)
def test_gradient_boosting_that_shap_itself_does_not_read_is_explained(served, model, target, scale):
    model.fit(NUMBERS, target)
    for row, each in enumerate(explained(served(model, NUMBERS), NUMBERS[:10])):
        assert each["scale"] == scale
        if scale == "value":
            assert each["margin"] == pytest.approx(model.predict(NUMBERS[row : row + 1])[0])
            continue
        margins = np.ravel(model.decision_function(NUMBERS[row : row + 1]))
        code = each["class"]
        expected = margins[code] if len(margins) > 1 else margins[0] * (1 if code else -1)
        assert each["margin"] == pytest.approx(expected, abs=1e-9)


PEOPLE = pd.DataFrame(
    {
        "age": [20.0, 30.0, np.nan, 50.0, 60.0, 41.0, 33.0, np.nan] * 10,
        "city": ["Athens", "Berlin", "Athens", "Cairo", "Berlin", "Athens", "Delhi", "Cairo"] * 10,
        "size": RANDOM.normal(size=80),
    }
)
INCOME = np.nan_to_num(PEOPLE["age"], nan=35.0) / 10 + (PEOPLE["city"] == "Cairo") * (PEOPLE["size"] + 5)


def test_one_hot_columns_and_indicators_count_for_the_callers_column(served):
    before = make_column_transformer(
        (OneHotEncoder(min_frequency=15, handle_unknown="infrequent_if_exist"), ["city"]),
        (SimpleImputer(add_indicator=True), ["age"]),
        (StandardScaler(), ["size"]),
    )
    model = make_pipeline(before, ensemble.RandomForestRegressor(8, random_state=0)).fit(PEOPLE, INCOME)
    prepared = np.asarray(before.transform(PEOPLE))
    names = [name.partition("__")[2].partition("_")[0] for name in before.get_feature_names_out()]
    values = shap.TreeExplainer(model[-1]).shap_values(prepared)
    assert sorted(set(names)) == ["age", "city", "missingindicator", "size"]
    names = ["age" if name == "missingindicator" else name for name in names]
    rows = PEOPLE.astype(object).where(PEOPLE.notna(), None).to_dict("records")[:8]
    for row, each in enumerate(explained(served(model, PEOPLE), rows)):
        expected = {c: values[row, [n == c for n in names]].sum() for c in ("age", "city", "size")}
        assert contributions(each) == pytest.approx(expected, abs=1e-6)


def test_categories_of_histogram_boosting_are_explained_as_by_all_subsets_of_columns(served):
    frame = PEOPLE.assign(city=PEOPLE["city"].astype("category"))
    model = ensemble.HistGradientBoostingRegressor(
        max_iter=4, max_leaf_nodes=6, min_samples_leaf=4, categorical_features="from_dtype"
    ).fit(frame, INCOME)
    assert any(node["is_categorical"] for p in model._predictors for node in p[0].nodes)
    coded = np.asarray(model._preprocessor.transform(frame))
    assert coded.shape == (80, 3)  # categories come first: city, age, size
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")[:8]
    for row, each in enumerate(explained(served(model, frame), rows)):
        expected = by_subsets(model, coded[row])
        assert contributions(each) == pytest.approx(
            dict(zip(("city", "age", "size"), expected, strict=True)), abs=1e-6
        )
        assert each["margin"] == pytest.approx(each["answer"]["prediction"], abs=1e-6)


def by_subsets(model, row):
    """Shapley values by definition: expectations along the trees for each subset of known columns."""

    def expected(known):
        return sum(of_node(p[0], 0, known) for p in model._predictors)

    def of_node(predictor, position, known):
        node = predictor.nodes[position]
        if node["is_leaf"]:
            return node["value"]
        left, right = predictor.nodes[node["left"]], predictor.nodes[node["right"]]
        if node["feature_idx"] not in known:
            sides = [(node["left"], left["count"]), (node["right"], right["count"])]
            return sum(of_node(predictor, at, known) * float(n) for at, n in sides) / float(node["count"])
        return of_node(predictor, node["left"] if goes_left(predictor, node) else node["right"], known)

    def goes_left(predictor, node):
        value = row[node["feature_idx"]]
        if np.isnan(value):
            return node["missing_go_to_left"]
        if node["is_categorical"]:
            return predictor.raw_left_cat_bitsets[node["bitset_idx"]][0] >> int(value) & 1
        return value <= node["num_threshold"]

    found = []
    for column in range(3):
        others, total = [c for c in range(3) if c != column], 0.0
        for size in range(3):
            weight = math.factorial(size) * math.factorial(2 - size) / math.factorial(3)
            for known in itertools.combinations(others, size):
                total += weight * (expected({*known, column}) - expected({*known}))
        found.append(total)
    return found


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
def test_boosted_trees_of_other_libraries_read_categories_themselves(served, library):
    frame = PEOPLE.assign(city=PEOPLE["city"].astype("category"))
    model = {
        "lightgbm": lightgbm.LGBMRegressor(n_estimators=8, min_data_per_group=4, cat_smooth=1, verbose=-1),
        "xgboost": xgboost.XGBRegressor(n_estimators=8, enable_categorical=True),
        "catboost": catboost.CatBoostRegressor(iterations=8, cat_features=["city"], **QUIET),
    }[library]
    model.fit(frame, INCOME)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")[:8]
    for each in explained(served(model, frame), rows):
        assert sorted(contributions(each)) == ["age", "city", "size"]
        assert contributions(each)["city"] != 0.0
        assert each["margin"] == pytest.approx(each["answer"]["prediction"], abs=1e-5)


def test_a_bare_booster_is_explained(served):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        booster = lightgbm.train(
            {"objective": "binary", "verbose": -1}, lightgbm.Dataset(NUMBERS, TWO), num_boost_round=5
        )
    (found,) = explained(served(booster, NUMBERS), NUMBERS[:1])
    raw = booster.predict(NUMBERS[:1], raw_score=True)[0]
    assert found["margin"] == pytest.approx(raw * (1 if found["class"] else -1), abs=1e-9)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_boosting_that_stopped_early_is_explained_by_the_trees_that_answer(served, library):
    model = {
        "lightgbm": lightgbm.LGBMRegressor(
            n_estimators=60, learning_rate=0.9, early_stopping_rounds=4, verbose=-1
        ),
        "xgboost": xgboost.XGBRegressor(n_estimators=60, learning_rate=0.9, early_stopping_rounds=4),
        "catboost": catboost.CatBoostRegressor(
            iterations=60, learning_rate=0.9, early_stopping_rounds=4, **QUIET
        ),
    }[library]
    held_out = NUMBERS[100:], VALUES[100:]
    options = dict(zip(("eval_X", "eval_y"), held_out, strict=True))
    if library != "lightgbm":
        options = {"eval_set": [held_out], "verbose": False}
    model.fit(NUMBERS[:100], VALUES[:100], **options)
    for each in explained(served(model, NUMBERS), NUMBERS[:5]):
        assert each["margin"] == pytest.approx(each["answer"]["prediction"], abs=1e-5)


def test_ordinal_codes_before_trees_belong_to_their_column(served):
    before = make_column_transformer((OrdinalEncoder(), ["city"]), remainder="passthrough")
    frame = PEOPLE.assign(age=PEOPLE["age"].fillna(0.0))
    model = make_pipeline(before, tree.DecisionTreeRegressor(max_depth=3)).fit(frame, INCOME)
    values = shap.TreeExplainer(model[-1]).shap_values(before.transform(frame.iloc[:1]))
    (found,) = explained(served(model, frame), frame.iloc[:1].to_dict("records"))
    assert contributions(found) == pytest.approx(
        dict(zip(("city", "age", "size"), values[0], strict=True)), abs=1e-6
    )


def test_trees_that_would_hold_the_worker_for_seconds_are_refused(served, monkeypatch):
    monkeypatch.setattr("app.models.explaining.tree_arrays.MOST_STEPS", 5 * 4**2 - 1)
    rows = 2.0 ** np.arange(5)[:, None]
    found = served(tree.DecisionTreeRegressor().fit(rows, rows[:, 0]), rows)
    assert found.model.metadata["explanation"]["method"] is None  # clients see it before they ask
    with pytest.raises(InvalidInput) as caught:
        explained(found, [[1.0]])
    assert "too deep" in caught.value.errors[0]["reason"]


def test_the_steps_of_a_row_are_leaves_by_depth_squared():
    rows = 2.0 ** np.arange(5)[:, None]
    chain = tree.DecisionTreeRegressor().fit(rows, rows[:, 0])  # 5 leaves, 4 splits deep
    assert tree_arrays(chain).check_steps() == 5 * 4**2
    flat = ensemble.RandomForestRegressor(3, max_depth=1, bootstrap=False).fit(rows, rows[:, 0])
    assert tree_arrays(flat).check_steps() == 3 * 2 * 1


def test_larger_trees_are_proven_on_fewer_rows(monkeypatch):
    rows = 2.0 ** np.arange(5)[:, None]
    margins = ArrayMargins(tree_arrays(tree.DecisionTreeRegressor().fit(rows, rows[:, 0])))
    monkeypatch.setattr("app.models.explaining.tree_margins.MOST_STEPS", 2 * 5 * 4**2)
    assert len(margins.affordable(np.zeros((50, 1)))) == 8
    assert len(margins.affordable(np.zeros((3, 1)))) == 3


def test_the_extension_explains_one_row_of_one_thread_at_a_time(monkeypatch):
    first, second = (
        ArrayMargins(tree_arrays(tree.DecisionTreeRegressor(max_depth=depth).fit(NUMBERS, VALUES)))
        for depth in (2, 3)
    )
    asked = []

    def watched(margins):
        extension = margins._explainer.shap_values

        def shap_values(rows, **how):
            asked.append((len(rows), _extension.acquire(blocking=False)))
            return extension(rows, **how)

        return shap_values

    for margins in (first, second):  # of two versions: they share the interpreter
        monkeypatch.setattr(margins._explainer, "shap_values", watched(margins))
        margins(NUMBERS[:2])
    assert asked == [(1, False)] * 4
