"""Contributions of linear models: by hand, equal to shap's, whatever stands before the model."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import decomposition, linear_model, preprocessing, svm
from sklearn.compose import make_column_transformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from app.models.explaining.explanation_record import explanation_record
from app.models.explaining.linear_margins import LinearMargins
from app.models.publishing.columns import as_rows
from app.models.publishing.inspection import inspect_model
from tests.app.models.explaining.conftest import contributions, explained, total

# height, width, depth; their means are 2, 10 and 0.
ROWS = np.array([[0.0, 5.0, -1.0], [4.0, 15.0, -1.0], [0.0, 15.0, 1.0], [4.0, 5.0, 1.0]])
BOXES = pd.DataFrame(ROWS, columns=["height", "width", "depth"])
PRICES = ROWS @ [3.0, -1.0, 10.0] + 7.0

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(120, 4)) * [1.0, 5.0, 0.1, 2.0] + [0.0, 3.0, 1.0, -2.0]
THREE = np.digitize(NUMBERS @ [1.0, 0.3, 2.0, -1.0], [2.0, 5.0])
TWO = (THREE > 0).astype(int)
VALUES = NUMBERS @ [1.0, 0.3, 2.0, -1.0] + RANDOM.normal(size=120) / 10
COUNTS = np.exp(VALUES / 10)

MODELS = [
    (LogisticRegression(), TWO, "log_odds"),
    (LogisticRegression(), THREE, "log_odds"),
    (linear_model.LogisticRegressionCV(Cs=2, use_legacy_attributes=False, l1_ratios=(0.0,)), TWO, "log_odds"),
    (LinearDiscriminantAnalysis(), TWO, "log_odds"),
    (LinearDiscriminantAnalysis(), THREE, "log_odds"),
    (linear_model.SGDClassifier(loss="log_loss", random_state=0), TWO, "log_odds"),
    (linear_model.SGDClassifier(random_state=0), THREE, "decision"),
    (linear_model.Perceptron(random_state=0), THREE, "decision"),
    (linear_model.RidgeClassifier(), TWO, "decision"),
    (svm.LinearSVC(random_state=0), THREE, "decision"),
    (svm.SVC(kernel="linear"), TWO, "decision"),
    (LinearRegression(), VALUES, "value"),
    (linear_model.Ridge(), VALUES, "value"),
    (linear_model.Lasso(0.01), VALUES, "value"),
    (linear_model.ElasticNet(0.01), VALUES, "value"),
    (linear_model.SGDRegressor(random_state=0, eta0=1e-4), VALUES, "value"),
    (linear_model.HuberRegressor(), VALUES, "value"),
    (linear_model.BayesianRidge(), VALUES, "value"),
    (svm.LinearSVR(random_state=0), VALUES, "value"),
    (linear_model.TweedieRegressor(power=0), VALUES, "value"),
    (linear_model.PoissonRegressor(), COUNTS, "score"),
    (linear_model.GammaRegressor(), COUNTS, "score"),
    (linear_model.SGDOneClassSVM(random_state=0), None, "score"),
]


def test_a_column_adds_its_weight_times_its_distance_from_the_mean(served):
    (found,) = explained(served(LinearRegression().fit(BOXES, PRICES), BOXES), [[5.0, 10.0, -2.0]], columns=2)
    # 7 + 3 * 2 - 10 = 3 at the mean; height is 3 above it, width on it, depth 2 below.
    assert found["method"] == "linear"
    assert found["scale"] == "value"
    assert "class" not in found
    assert found["base_value"] == pytest.approx(3.0)
    assert contributions(found) == pytest.approx({"depth": -20.0, "height": 9.0})
    assert [each["value"] for each in found["contributions"]] == [-2.0, 5.0]
    assert found["others"] == pytest.approx(0.0)
    assert found["margin"] == pytest.approx(-8.0)
    assert found["answer"]["prediction"] == pytest.approx(-8.0)


def test_the_columns_that_are_not_named_are_summed_up(served):
    (found,) = explained(served(LinearRegression().fit(BOXES, PRICES), BOXES), [[5.0, 11.0, -2.0]], columns=1)
    assert contributions(found) == pytest.approx({"depth": -20.0})
    assert found["others"] == pytest.approx(9.0 - 1.0)


def test_contributions_of_a_classifier_speak_for_the_class_that_it_predicts(served):
    model = LogisticRegression().fit(BOXES, ["small", "large", "large", "small"])
    of_large, of_small = explained(served(model, BOXES), [[2.0, 15.0, 1.0], [2.0, 5.0, -1.0]])
    assert [of_large["class"], of_small["class"]] == ["large", "small"]
    assert min(contributions(of_large)["width"], contributions(of_small)["width"]) > 0.0
    for found in (of_large, of_small):
        assert found["scale"] == "log_odds"
        assert 1 / (1 + np.exp(-found["margin"])) == pytest.approx(found["answer"]["confidence"])


@pytest.mark.parametrize(("model", "target", "scale"), MODELS, ids=lambda each: str(each)[:30])
def test_contributions_are_those_of_shaps_linear_explainer(served, model, target, scale):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence
        scaled = preprocessing.StandardScaler().fit(NUMBERS)
        model.fit(scaled.transform(NUMBERS), target)
    expected = of_shap(model, scaled.transform(NUMBERS))
    found = explained(served(model, NUMBERS, scaled), NUMBERS[:20])
    for row, each in enumerate(found):
        sign, output = side(model, each)
        assert each["scale"] == scale
        assert np.array([contributions(each)[f"feature_{column}"] for column in range(4)]) == pytest.approx(
            sign * expected.values[row, ..., output], abs=1e-6
        )
        assert each["base_value"] == pytest.approx(sign * expected.base_values[row, output], abs=1e-6)
        assert total(each) == pytest.approx(each["margin"], abs=1e-9)


def of_shap(model, rows):
    import shap

    background = shap.maskers.Independent(rows, max_samples=len(rows))
    pair = (np.squeeze(model.coef_), np.squeeze(getattr(model, "intercept_", -getattr(model, "offset_", 0))))
    found = shap.LinearExplainer(pair, background)(rows)
    if found.values.ndim == 2:
        found.values, found.base_values = found.values[..., None], found.base_values[:, None]
    return found


def side(model, explanation):
    """The sign and the output that belong to the class of an explanation."""
    if "class" not in explanation:
        return 1.0, 0
    code = model.classes_.tolist().index(explanation["class"])
    return (1.0, code) if len(model.classes_) > 2 else (1.0 if code else -1.0, 0)


PEOPLE = pd.DataFrame(
    {
        "age": [20.0, 30.0, np.nan, 50.0, 60.0, 41.0] * 10,
        "city": ["Athens", "Berlin", "Athens", "Cairo", "Berlin", "Athens"] * 10,
        "note": ["so good", "bad", "good and bad", "so so", "good", "bad bad"] * 10,
    }
)
INCOME = np.array([1.0, 2.0, 3.5, 1.0, 2.5, 7.0] * 10)


def test_columns_that_a_transformer_makes_of_one_count_together(served):
    before = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), preprocessing.StandardScaler()), ["age"]),
        (preprocessing.OneHotEncoder(), ["city"]),
        (TfidfVectorizer(), "note"),
    )
    model = make_pipeline(before, linear_model.Ridge()).fit(PEOPLE, INCOME)
    rows = np.asarray(before.transform(PEOPLE))
    added = model[-1].coef_ * (rows - rows.mean(axis=0))
    found = explained(
        served(model, PEOPLE), PEOPLE.astype(object).where(PEOPLE.notna(), None).to_dict("records")
    )
    for row, each in zip(added, found, strict=True):
        sums = {"age": row[:2].sum(), "city": row[2:5].sum(), "note": row[5:].sum()}
        assert contributions(each) == pytest.approx(sums, abs=1e-9)
        assert each["margin"] == pytest.approx(each["answer"]["prediction"], abs=1e-9)
    assert {each["name"]: each["value"] for each in found[2]["contributions"]} == {
        "age": None,
        "city": "Athens",
        "note": "good and bad",
    }


def test_texts_before_a_linear_model_are_one_column(served):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(PEOPLE["note"].tolist(), INCOME > 2)
    (found,) = explained(served(model, PEOPLE["note"].tolist()), [["so good"]])
    margin = model.decision_function(["so good"])[0]
    assert list(contributions(found)) == ["text"]
    assert found["margin"] == pytest.approx(abs(margin))
    base = model.decision_function(PEOPLE["note"].tolist()).mean()
    assert found["base_value"] == pytest.approx(base * np.sign(margin))


def test_principal_components_before_a_linear_model_are_taken_together_with_it(served):
    model = make_pipeline(
        preprocessing.StandardScaler(), decomposition.PCA(2, whiten=True), LinearRegression()
    ).fit(NUMBERS, VALUES)
    (found,) = explained(served(model, NUMBERS), NUMBERS[:1])
    slopes = model[1].components_.T / np.sqrt(model[1].explained_variance_) @ model[2].coef_ / model[0].scale_
    by_hand = slopes * (NUMBERS[0] - NUMBERS.mean(axis=0))
    assert [contributions(found)[f"feature_{i}"] for i in range(4)] == pytest.approx(by_hand.tolist())
    assert found["margin"] == pytest.approx(found["answer"]["prediction"])


def test_the_model_inside_of_a_search_is_explained(served):
    search = GridSearchCV(linear_model.Ridge(), {"alpha": [0.1]}, cv=2).fit(BOXES, PRICES)
    (found,) = explained(served(search, BOXES), [[5.0, 10.0, -2.0]])
    assert contributions(found) == pytest.approx(
        dict(zip(BOXES, search.best_estimator_.coef_ * [3.0, 0.0, -2.0], strict=True))
    )


def test_the_mean_is_that_of_the_whole_sample_not_of_the_rows_that_are_inspected(served):
    rows = np.arange(20_000.0).reshape(-1, 1) ** 2
    (found,) = explained(served(LinearRegression().fit(rows, rows[:, 0]), rows), [[0.0]])
    assert found["base_value"] == pytest.approx(rows.mean(), rel=1e-9)


@pytest.mark.parametrize(
    ("model", "usual", "target", "refused"),
    [
        (
            make_pipeline(
                make_column_transformer((preprocessing.OneHotEncoder(), ["city"])), linear_model.Ridge()
            ),
            PEOPLE[["city"]],
            INCOME,
            pd.DataFrame({"city": ["Delhi"] * 3}),  # which the encoder does not know
        ),
        (LinearRegression(), BOXES, PRICES, BOXES * np.nan),
    ],
    ids=["raises", "not finite"],
)
def test_rows_of_the_sample_that_the_model_refuses_do_not_count(model, usual, target, refused):
    found = inspect_model(model.fit(usual, target), usual)
    sample = pd.concat([refused, usual, refused, usual, refused], ignore_index=True)
    parts = found.signature, found.output, found.rows, found.predicted
    recorded = explanation_record(model, *parts, [as_rows(sample, found.signature)])
    assert recorded.metadata["rows"] == 2 * len(usual)
    margins = LinearMargins.from_bytes(recorded.files["explanation.npz"])
    assert margins.weights @ margins.means + margins.intercept == pytest.approx([model.predict(usual).mean()])


@given(
    weights=st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=1, max_size=4),
    row=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    sources=st.lists(st.integers(-1, 1), min_size=3, max_size=3),
)
def test_contributions_and_base_add_up_to_the_margin(weights, row, sources):
    means = np.where(np.array(sources) < 0, row, [1.0, 2.0, 3.0])  # a constant is its own mean
    model = LinearMargins(np.array(weights), np.ones(len(weights)), means, np.array(sources))
    model = LinearMargins.from_bytes(model.to_bytes())
    found = model.attribute(np.array([row]), width=2)
    assert found.margins[0] == pytest.approx((np.array(weights) @ row + 1.0).tolist(), abs=1e-6)
