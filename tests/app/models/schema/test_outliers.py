import pytest
from sklearn.linear_model import LogisticRegression

from app.models.training.estimators import mixed_pipeline
from tests.assertions import assert_error
from tests.estimators import BOXES, INCOME, PEOPLE, SumRegressor, fitted

# In training every column went from 0 to 10 with standard deviation 5: -5 to 15 is ordinary.
FAR = [99, 5, -99]
WARNINGS = [
    {
        "row": 0,
        "position": 0,
        "name": "height",
        "value": 99.0,
        "reason": "far outside the training range 0 to 10",
    },
    {
        "row": 0,
        "position": 2,
        "name": "depth",
        "value": -99.0,
        "reason": "far outside the training range 0 to 10",
    },
]


@pytest.fixture
def ask(serve):
    """Ask a `SumRegressor` under the given settings."""

    def ask(features, **settings):
        client = serve(fitted(SumRegressor()), **settings)
        return client.post("/api/predict", json={"features": features})

    return ask


def test_by_default_an_outlier_is_predicted_and_flagged(ask):
    answer = ask(FAR).get_json()
    assert answer["result"] == {"prediction": 5.0}
    assert answer["warnings"] == WARNINGS


def test_off_says_nothing(ask):
    answer = ask(FAR, OUTLIER_POLICY="off").get_json()
    assert answer["result"] == {"prediction": 5.0}
    assert "warnings" not in answer


def test_clamp_predicts_the_nearest_ordinary_value_and_says_so(ask):
    answer = ask([99, 5, -99], OUTLIER_POLICY="clamp").get_json()
    assert answer["result"] == {"prediction": 15.0 + 5.0 - 5.0}
    assert answer["warnings"] == WARNINGS


def test_reject_refuses_and_names_each(ask):
    response = ask(FAR, OUTLIER_POLICY="reject")
    assert assert_error(response, 400, "validation_error") == [
        {"field": "features", **warning} for warning in WARNINGS
    ]


@pytest.mark.parametrize("policy", ["flag", "clamp", "reject"])
@pytest.mark.parametrize("features", [[-5, 0, 15], [0, 10, 5]])
def test_ordinary_values_pass_under_every_policy(ask, policy, features):
    answer = ask(features, OUTLIER_POLICY=policy).get_json()
    assert answer["result"] == {"prediction": float(sum(features))}
    assert "warnings" not in answer


@pytest.mark.parametrize(("value", "ordinary"), [(15, True), (15.01, False), (-5, True), (-5.01, False)])
def test_the_bound_is_one_standard_deviation_beyond_the_range(ask, value, ordinary):
    assert ask([value, 5, 5], OUTLIER_POLICY="reject").status_code == (200 if ordinary else 400)


@pytest.mark.parametrize(
    ("tolerance", "value", "ordinary"), [(0, 10, True), (0, 10.01, False), (3, 25, True)]
)
def test_tolerance_is_a_setting(ask, tolerance, value, ordinary):
    response = ask([value, 5, 5], OUTLIER_POLICY="reject", OUTLIER_TOLERANCE=tolerance)
    assert response.status_code == (200 if ordinary else 400)


def test_a_value_is_compared_with_its_own_column_not_by_the_rest_of_the_row(serve):
    scales = BOXES * [1, 1000, 1]
    client = serve(fitted(SumRegressor()), sample=scales)
    assert "warnings" not in client.post("/api/predict", json={"features": [5, 9000, 5]}).get_json()
    (warning,) = client.post("/api/predict", json={"features": [9000, 9000, 5]}).get_json()["warnings"]
    assert warning["name"] == "height"


def test_batch_names_the_row_of_each_outlier(serve):
    client = serve(fitted(SumRegressor()))
    answer = client.post(
        "/api/predict/batch", json={"samples": [[1, 2, 3], [1, 99, 3], [-99, 2, 3]]}
    ).get_json()
    assert [(w["row"], w["name"]) for w in answer["warnings"]] == [(1, "width"), (2, "height")]


def test_model_saved_without_a_sample_knows_no_outliers(serve):
    client = serve(fitted(SumRegressor()), sample=None, OUTLIER_POLICY="reject")
    answer = client.post("/api/predict", json={"features": [1e9, 0, 0]}).get_json()
    assert answer["result"] == {"prediction": 1e9}


@pytest.fixture
def people(serve):
    """Serve a pipeline of a number, 20 to 40 with a standard deviation of 8.2, and a category."""
    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    return lambda **settings: serve(pipeline, sample=PEOPLE, **settings)


def test_outliers_of_mixed_columns_come_in_reading_order(people):
    rows = [{"age": 30, "city": "Oslo"}, {"age": 90, "city": "Rome"}, {"age": None, "city": None}]
    warnings = people().post("/api/predict/batch", json={"samples": rows}).get_json()["warnings"]
    assert [(w["row"], w["name"], w["value"]) for w in warnings] == [
        (0, "city", "Oslo"),
        (1, "age", 90.0),
        (1, "city", "Rome"),
    ]


def test_clamp_moves_numbers_and_leaves_categories(people):
    def probabilities(client, age):
        answer = client.post("/api/predict", json={"features": {"age": age, "city": "Berlin"}}).get_json()
        return answer["result"]["probabilities"]

    client = people(OUTLIER_POLICY="clamp")
    bound = 40 + PEOPLE["age"].std(ddof=0)
    assert probabilities(client, 1000) == pytest.approx(probabilities(client, bound))
    assert probabilities(client, 1000) != pytest.approx(probabilities(client, 40))


def test_reject_refuses_a_category_never_seen(people):
    response = people(OUTLIER_POLICY="reject").post("/api/predict", json={"features": [30, "Oslo"]})
    (error,) = assert_error(response, 400, "validation_error")
    assert (error["name"], error["reason"]) == ("city", "category never seen in training")


def test_the_first_hundred_warnings_are_given(serve):
    client = serve(fitted(SumRegressor()))
    answer = client.post("/api/predict/batch", json={"samples": [FAR] * 60}).get_json()
    assert [(w["row"], w["name"]) for w in answer["warnings"]] == [
        (row, name) for row in range(50) for name in ("height", "depth")
    ]
    assert answer["count"] == 60


def test_the_first_hundred_warnings_of_a_table_are_given(serve):
    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve(pipeline, sample=PEOPLE, MAX_BATCH_SIZE=200)
    samples = [{"age": 9000, "city": "Oslo"}] * 120
    warnings = client.post("/api/predict/batch", json={"samples": samples}).get_json()["warnings"]
    assert [w["row"] for w in warnings] == [row for row in range(50) for _ in range(2)]


def test_reject_knows_every_row_beyond_the_first_hundred_outliers(serve):
    client = serve(fitted(SumRegressor()), OUTLIER_POLICY="reject", MAX_BATCH_SIZE=200)
    rows = [[99, 99, 5]] * 60 + [[5, 5, 5]] + [[5, 99, 99]] * 60
    answer = client.post("/api/predict/batch?errors=rows", json={"samples": rows}).get_json()
    predicted = [row["sample_id"] for row in answer["results"] if "prediction" in row]
    assert predicted == [60]
    positions = [
        [each["position"] for each in row["details"]["errors"]] for row in answer["results"] if "error" in row
    ]
    assert positions == [[0, 1]] * 50 + [[0]] * 10 + [[1]] * 60
