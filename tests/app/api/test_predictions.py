import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.models.training.estimators import mixed_pipeline
from tests.assertions import assert_error, assert_one_error
from tests.estimators import (
    BOXES,
    INCOME,
    NAMES,
    PEOPLE,
    LabelClassifier,
    SeveralSums,
    SizeClassifier,
    SumClassifier,
    SumRegressor,
    fitted,
)

pytestmark = pytest.mark.usefixtures("both_dispatches")

LARGE = {"prediction": 1, "confidence": 0.75, "probabilities": {"class_0": 0.25, "class_1": 0.75}}
SMALL = {"prediction": 0, "confidence": 0.75, "probabilities": {"class_0": 0.75, "class_1": 0.25}}


def predict(client, features, **more):
    return post(client, "/api/predict", {"features": features, **more})


def predict_batch(client, samples, **more):
    return post(client, "/api/predict/batch", {"samples": samples, **more})


def post(client, path, document):
    # Written by the standard library, which has no limit on integers.
    return client.post(path, data=json.dumps(document), content_type="application/json")


@pytest.fixture
def people(serve):
    """A pipeline of an imputed number and a category, both scaled or encoded inside."""
    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    return serve(pipeline, sample=PEOPLE), pipeline


# --- what is answered


def test_predict_answers_with_the_prediction_and_who_made_it(serve):
    response = predict(serve(fitted(SumClassifier()), version="v1"), [4, 5, 6.5])
    answer = response.get_json()
    assert response.status_code == 200
    assert set(answer) == {"success", "result", "model_version", "request_id", "timestamp"}
    assert answer["success"] is True
    assert answer["result"] == LARGE
    assert answer["model_version"] == "v1"
    assert answer["request_id"] == response.headers["X-Request-ID"]
    age = datetime.now(UTC) - datetime.fromisoformat(answer["timestamp"])
    assert abs(age.total_seconds()) < 60


def test_batch_answers_each_row_in_order(serve):
    response = predict_batch(serve(fitted(SumClassifier()), version="v1"), [[9, 9, 9], [1, 1, 1], [6, 6, 6]])
    answer = response.get_json()
    assert response.status_code == 200
    assert set(answer) == {"success", "results", "count", "model_version", "request_id", "timestamp"}
    assert answer["results"] == [
        {"sample_id": 0, **LARGE},
        {"sample_id": 1, **SMALL},
        {"sample_id": 2, **LARGE},
    ]
    assert (answer["count"], answer["model_version"]) == (3, "v1")


def test_features_may_be_named_in_any_order(serve):
    client = serve(FirstOfThree().fit(BOXES.to_numpy()))
    by_name = predict(client, {"depth": 3, "height": 1, "width": 2}).get_json()
    assert by_name["result"] == predict(client, [1, 2, 3]).get_json()["result"] == {"prediction": 123.0}


def test_batch_may_mix_lists_and_named_rows(serve):
    client = serve(FirstOfThree().fit(BOXES.to_numpy()))
    answer = predict_batch(client, [[1, 2, 3], {"depth": 6, "width": 5, "height": 4}]).get_json()
    assert [result["prediction"] for result in answer["results"]] == [123.0, 456.0]


def test_string_labels_name_their_probabilities(serve):
    answer = predict(serve(fitted(SizeClassifier())), [9, 9, 9]).get_json()
    assert answer["result"] == {
        "prediction": "large",
        "confidence": 0.75,
        "probabilities": {"large": 0.75, "small": 0.25},
    }


def test_classifier_without_predict_proba_answers_with_the_label_alone(serve):
    client = serve(fitted(LabelClassifier()))
    assert predict(client, [9, 9, 9]).get_json()["result"] == {"prediction": "large"}
    assert predict_batch(client, [[1, 1, 1]]).get_json()["results"] == [
        {"sample_id": 0, "prediction": "small"}
    ]


def test_regressor_answers_with_the_number_alone(serve):
    client = serve(fitted(SumRegressor(factor=0.5)))
    assert predict(client, [1, 2, 3.5]).get_json()["result"] == {"prediction": 3.25}


def test_regressor_with_several_targets_answers_with_a_list(serve):
    client = serve(fitted(SeveralSums()))
    assert predict(client, [1, 2, 3]).get_json()["result"] == {"prediction": [6.0, 12.0]}


def test_outlier_detector_answers_with_one_or_minus_one_and_its_score(serve):
    rows = np.random.default_rng(0).normal(size=(100, 2))
    model = IsolationForest(random_state=0).fit(rows)
    client = serve(model, sample=rows, OUTLIER_POLICY="off")
    for row, label in (([0, 0], 1), ([1000, -1000], -1)):
        score = pytest.approx(model.decision_function([row])[0])
        assert predict(client, row).get_json()["result"] == {"prediction": label, "score": score}


def test_several_labels_have_a_confidence_and_probabilities_each(serve):
    size = np.array([0, 1] * 10)
    target = np.column_stack([np.where(size, "large", "small"), np.where(size, "odd", "even")])
    model = RandomForestClassifier(3, random_state=0).fit(BOXES.to_numpy(), target)
    client = serve(model, sample=BOXES.to_numpy())
    expected = {
        "prediction": ["large", "odd"],
        "confidence": [1.0, 1.0],
        "probabilities": [{"large": 1.0, "small": 0.0}, {"even": 0.0, "odd": 1.0}],
    }
    assert predict(client, [10, 10, 10]).get_json()["result"] == expected
    cached = [client.post("/api/predict/fast", json={"features": [10, 10, 10]}).get_json() for _ in range(2)]
    assert [answer["cached"] for answer in cached] == [False, True]
    assert [answer["result"] for answer in cached] == [expected, expected]
    assert client.get("/api/model/info").get_json()["targets"] == [["large", "small"], ["even", "odd"]]


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        (StandardScaler(), [1.0, 1.0, 0.0]),
        (ColumnTransformer([("first", StandardScaler(), [0])]), [1.0]),
        (
            OneHotEncoder(categories=[[0.0, 10.0]] * 2 + [[0.0, 5.0, 10.0]]),
            [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        ),
    ],
    ids=["scaler", "one column", "sparse"],
)
def test_transformer_answers_with_its_outputs(serve, model, outputs):
    client = serve(model.fit(BOXES.to_numpy(), [0, 1] * 10), sample=BOXES.to_numpy())
    response = client.post("/api/predict/batch", json={"samples": [[10, 10, 5]] * 2})
    assert [result["outputs"] for result in response.get_json()["results"]] == [outputs, outputs]


def test_scaler_is_applied_before_the_model(serve):
    # Scaled, 0 becomes -1 and 10 becomes 1: the sum of (10, 10, 5) is 1 + 1 + 0.
    client = serve(fitted(SumRegressor()), StandardScaler().fit(BOXES.to_numpy()))
    assert predict(client, [10, 10, 5]).get_json()["result"] == {"prediction": 2.0}


def test_pipeline_with_mixed_columns_takes_raw_columns(people):
    client, pipeline = people
    expected = pipeline.predict_proba(pd.DataFrame({"age": [33.0], "city": ["Berlin"]}))[0]
    result = predict(client, {"city": "Berlin", "age": 33}).get_json()["result"]
    assert list(result["probabilities"]) == ["high", "low"]
    assert list(result["probabilities"].values()) == pytest.approx(list(expected))


def test_category_never_seen_is_accepted_by_a_pipeline_that_tolerates_it(people):
    client, pipeline = people
    answer = predict(client, {"age": 33, "city": "Oslo"}).get_json()
    expected = pipeline.predict_proba(pd.DataFrame({"age": [33.0], "city": ["Oslo"]}))[0]
    assert answer["result"]["confidence"] == pytest.approx(expected.max())
    assert [(w["name"], w["value"]) for w in answer["warnings"]] == [("city", "Oslo")]


@pytest.mark.parametrize("row", [{"age": None, "city": "Cairo"}, {"age": 20, "city": None}])
def test_missing_value_is_accepted_where_the_pipeline_imputes(people, row):
    client, pipeline = people
    response = predict(client, row)
    frame = pd.DataFrame([{name: np.nan if value is None else value for name, value in row.items()}])
    assert response.status_code == 200
    assert response.get_json()["result"]["prediction"] == pipeline.predict(frame)[0]


def test_category_never_seen_is_refused_by_a_pipeline_that_raises_on_it(serve):
    encoder = ColumnTransformer([("city", OneHotEncoder(handle_unknown="error"), ["city"])])
    cities = PEOPLE[["city"]]
    client = serve(make_pipeline(encoder, LogisticRegression()).fit(cities, INCOME), sample=cities)
    assert predict(client, ["Berlin"]).status_code == 200
    assert_one_error(
        predict(client, ["Berlim"]),
        field="features",
        row=0,
        position=0,
        name="city",
        reason="unknown category; did you mean 'Berlin'?",
    )


def test_text_is_one_column_of_strings(serve):
    texts = np.array(["good film", "bad film"] * 10, dtype=object)
    labels = ["pos", "neg"] * 10
    client = serve(make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, labels), sample=texts)
    answer = predict_batch(client, [["good"], ["bad"]]).get_json()
    assert [result["prediction"] for result in answer["results"]] == ["pos", "neg"]
    assert_one_error(
        predict(client, [5]),
        field="features",
        row=0,
        position=0,
        name="text",
        reason="must be a string, not a number",
    )


def test_wine_is_predicted_as_training_measured_it(trained):
    from sklearn.datasets import load_wine
    from sklearn.model_selection import train_test_split

    client = trained("wine")
    wine = load_wine()
    _, rows, _, labels = train_test_split(wine.data, wine.target, test_size=0.2, random_state=42)
    answers = predict_batch(client, rows.tolist()).get_json()["results"]
    accuracy = np.mean([answer["prediction"] for answer in answers] == labels)
    measured = client.get("/api/model/info").get_json()["metadata"]["metrics"]["accuracy"]
    assert accuracy == pytest.approx(measured)


# --- what is refused


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (True, "must be a number, not a boolean"),
        (False, "must be a number, not a boolean"),
        ("1.5", "must be a number, not a string"),
        ("", "must be a number, not a string"),
        (None, "must be a number, not null"),
        ([1], "must be a number, not a list"),
        ({"a": 1}, "must be a number, not an object"),
        (2**53 + 1, "integers beyond 2**53 cannot be represented exactly"),
        (-(2**53) - 1, "integers beyond 2**53 cannot be represented exactly"),
        (2**63, "integers beyond 2**53 cannot be represented exactly"),
        (2**64, "integers beyond 2**53 cannot be represented exactly"),
        (10**300, "integers beyond 2**53 cannot be represented exactly"),
    ],
)
@pytest.mark.parametrize("named", [False, True], ids=["list", "object"])
def test_value_that_is_no_exact_number_is_refused_by_row_and_position(client, value, reason, named):
    row = dict(zip(NAMES, [1, value, 3], strict=True)) if named else [1, value, 3]
    where = {"position": 1, "name": "width", "reason": reason}
    assert_one_error(predict(client, row), field="features", row=0, **where)
    response = predict_batch(client, [[1, 2, 3], row])
    assert_one_error(response, field="samples", row=1, **where)


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "9" * 5000, "NaN", "Infinity", "-Infinity", "0x1", "01"]
)
def test_number_that_no_float_holds_is_refused(client, number):
    body = f'{{"features": [1, {number}, 3]}}'
    response = client.post("/api/predict", data=body, content_type="application/json")
    (error,) = assert_error(response, 400, "validation_error")
    assert error["line"] == 1
    assert error["reason"]


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992", "1e300", "1e-320", "-0.0"])
def test_number_that_a_float_holds_is_accepted(client, number):
    body = f'{{"features": [1, {number}, 3]}}'
    response = client.post("/api/predict", data=body, content_type="application/json")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([1, 2], "has 2 values, the model expects 3"),
        ([1, 2, 3, 4], "has 4 values, the model expects 3"),
        ([], "has 0 values, the model expects 3"),
        ("abc", "must be a list or an object, not a string"),
        (5, "must be a list or an object, not a number"),
        (None, "must be a list or an object, not null"),
    ],
)
def test_batch_names_the_ragged_row(client, row, reason):
    assert_one_error(predict_batch(client, [[1, 2, 3], row]), field="samples", row=1, reason=reason)


def test_nested_rows_are_refused(client):
    errors = assert_error(predict(client, [[1, 2, 3]]), 400, "validation_error")
    assert errors == [{"field": "features", "row": 0, "reason": "has 1 values, the model expects 3"}]


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ([], "Must not be empty."),
        ({}, "Must not be empty."),
        (None, "Field may not be null."),
        ("1,2,3", "Must be a list of values or an object by feature name."),
        (7, "Must be a list of values or an object by feature name."),
    ],
)
def test_features_of_another_form_are_refused(client, features, reason):
    assert_one_error(predict(client, features), field="features", reason=reason)


def test_misspelt_name_is_refused_with_the_nearest_known_one(client):
    response = predict(client, {"hieght": 1, "width": 2, "depth": 3})
    assert assert_error(response, 400, "validation_error") == [
        {
            "field": "features",
            "row": 0,
            "name": "hieght",
            "reason": "unknown feature; did you mean 'height'?",
        },
        {
            "field": "features",
            "row": 0,
            "position": 0,
            "name": "height",
            "reason": "feature is missing",
        },
    ]


def test_batch_names_the_row_with_a_missing_feature(client):
    row = {"height": 1, "width": 2, "depth": 3}
    response = predict_batch(client, [row, row, {"height": 1, "depth": 3}])
    where = {"row": 2, "position": 1, "name": "width"}
    assert_one_error(response, field="samples", **where, reason="feature is missing")


def test_name_like_no_other_is_refused_without_a_suggestion(client):
    response = predict(client, {"height": 1, "width": 2, "depth": 3, "qqq": 4})
    assert_one_error(response, field="features", row=0, name="qqq", reason="unknown feature")


def test_every_wrong_value_is_named_in_reading_order(client):
    response = predict_batch(client, [[1, None, "x"], [True, 2, 3]])
    errors = assert_error(response, 400, "validation_error")
    assert [(error["row"], error["position"]) for error in errors] == [(0, 1), (0, 2), (1, 0)]


@pytest.mark.parametrize(
    "samples",
    [
        [["x", "x", "x"]] * 100,
        [[1]] * 100,
        [{f"unknown {i}": 1 for i in range(1000)}] * 2,
        [{}] * 100,
    ],
    ids=["wrong values", "ragged rows", "unknown names", "missing names"],
)
def test_at_most_a_hundred_errors_are_listed(client, samples):
    errors = assert_error(predict_batch(client, samples), 400, "validation_error")
    assert len(errors) == 100


def test_at_most_a_hundred_outliers_are_listed(serve):
    client = serve(fitted(SumClassifier()), OUTLIER_POLICY="reject")
    errors = assert_error(predict_batch(client, [[99, 99, 99]] * 100), 400, "validation_error")
    assert len(errors) == 100


def test_at_most_a_hundred_unknown_fields_are_listed(client):
    response = client.post("/api/predict", json={f"field_{i}": 1 for i in range(1000)})
    assert len(assert_error(response, 400, "validation_error")) == 100


@pytest.mark.parametrize("count", [1, 100])
def test_batch_takes_up_to_a_hundred_rows(client, count):
    assert predict_batch(client, [[1, 2, 3]] * count).get_json()["count"] == count


@pytest.mark.parametrize("count", [0, 101])
def test_batch_of_another_size_is_refused(client, count):
    response = predict_batch(client, [[1, 2, 3]] * count)
    assert_one_error(response, field="samples", reason=f"Must hold 1 to 100 rows, not {count}.")


def test_batch_size_is_a_setting(serve):
    client = serve(fitted(SumClassifier()), MAX_BATCH_SIZE=2)
    assert predict_batch(client, [[1, 2, 3]] * 2).status_code == 200
    response = predict_batch(client, [[1, 2, 3]] * 3)
    assert_one_error(response, field="samples", reason="Must hold 1 to 2 rows, not 3.")


def test_samples_must_be_a_list(client):
    response = predict_batch(client, {"height": 1})
    assert_one_error(response, field="samples", reason="Must be a list of rows.")


def test_the_last_of_duplicate_keys_counts(serve):
    client = serve(fitted(SumRegressor()))
    body = '{"features": [9, 9, 9], "features": {"height": "x", "height": 1, "width": 2, "depth": 3}}'
    response = client.post("/api/predict", data=body, content_type="application/json")
    assert response.get_json()["result"] == {"prediction": 6.0}


def test_the_last_of_duplicate_keys_counts_for_the_exact_parser_too(serve):
    client = serve(fitted(SumRegressor()), OUTLIER_POLICY="off")
    # A value this large makes the body be parsed a second time, by the standard library.
    body = '{"features": {"height": 5, "width": 0, "depth": 0, "height": 1e30}}'
    response = client.post("/api/predict", data=body, content_type="application/json")
    assert response.get_json()["result"] == {"prediction": 1e30}


# --- identifiers


def test_identifiers_in_the_body_come_back(client):
    for answer in (
        predict(client, [1, 2, 3], request_id="order 7/ü", client_id="shop").get_json(),
        predict_batch(client, [[1, 2, 3]], request_id="order 7/ü", client_id="shop").get_json(),
    ):
        assert (answer["request_id"], answer["client_id"]) == ("order 7/ü", "shop")


@pytest.mark.parametrize("field", ["request_id", "client_id"])
def test_identifiers_in_the_body_are_logged(logged, serve, field):
    client = serve(fitted(SumClassifier()))
    assert predict(client, [1, 2, 3], **{field: "order-7"}).status_code == 200
    assert "order-7" in logged()[-1].values()


@pytest.mark.parametrize("field", ["request_id", "client_id"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "x" * 129,
        "a\nb",
        "a\n",
        "\x00",
        "\x1b[31m",
        "\u200b",
        "\u202e",
        "\U000e0041",
        5,
        None,
        ["a"],
        {"a": 1},
    ],
)
def test_identifier_that_is_not_short_printable_text_is_refused(client, field, value):
    (error,) = assert_error(predict(client, [1, 2, 3], **{field: value}), 400, "validation_error")
    assert error["field"] == field


@pytest.mark.parametrize("field", ["request_id", "client_id"])
def test_identifier_of_128_characters_is_accepted(client, field):
    assert predict(client, [1, 2, 3], **{field: "x" * 128}).get_json()[field] == "x" * 128


# --- no model


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/predict", {"features": [1, 2, 3]}), ("/api/predict/batch", {"samples": [[1, 2, 3]]})],
)
def test_without_a_model_nothing_is_predicted(empty_app, path, body):
    assert_error(empty_app.test_client().post(path, json=body), 503, "model_error")


class FirstOfThree(SumRegressor):
    """Reads a row as the digits of a number, so that the order of its columns shows."""

    def predict(self, rows):
        return rows @ [100.0, 10.0, 1.0]
