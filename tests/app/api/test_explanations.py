"""``explain`` in the body of a prediction of one row."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from app.models.ml_models import model_manager
from app.models.repository.traffic_split import TrafficSplit
from tests.assertions import assert_error
from tests.estimators import BOXES, NAMES

RANDOM = np.random.default_rng(0)
TRAINING = BOXES + RANDOM.normal(size=BOXES.shape)
SIZES = TRAINING.to_numpy() @ [1.0, 2.0, 4.0]
ROW = [1.0, 2.0, 3.0]
PATHS = ["/api/predict", "/api/predict/fast", "/api/models/sizes/predict", "/api/models/sizes/predict/fast"]


@pytest.fixture
def sizes(serve):
    """A client of a linear model, which serves under its own name too."""
    client = serve(LinearRegression().fit(TRAINING, SIZES), sample=TRAINING, version="linear")
    with client.application.app_context():
        model_manager.save_model(
            LinearRegression().fit(TRAINING, SIZES), sample=TRAINING, version="own", name="sizes"
        )
        model_manager.registry.load_all()
    return client


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_names_the_columns_that_moved_it_most(sizes, path):
    answer = sizes.post(path, json={"features": dict(zip(NAMES, ROW, strict=True)), "explain": 2}).get_json()
    found = answer["result"]["explanation"]
    means = TRAINING.to_numpy().mean(axis=0)
    added = dict(zip(NAMES, [1.0, 2.0, 4.0] * (ROW - means), strict=True))
    largest = sorted(added, key=lambda name: -abs(added[name]))
    assert list(found) == ["method", "scale", "base_value", "margin", "contributions", "others"]
    assert [each["name"] for each in found["contributions"]] == largest[:2]
    assert [each["contribution"] for each in found["contributions"]] == pytest.approx(
        [added[name] for name in largest[:2]]
    )
    assert found["others"] == pytest.approx(added[largest[2]])
    assert found["base_value"] == pytest.approx(SIZES.mean())
    assert found["margin"] == pytest.approx(answer["result"]["prediction"])


def test_an_answer_from_the_cache_is_explained(sizes):
    first, second = (
        sizes.post("/api/predict/fast", json={"features": ROW, "explain": 9}).get_json() for _ in range(2)
    )
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["result"] == second["result"]
    assert len(first["result"]["explanation"]["contributions"]) == 3


def test_an_answer_is_explained_beside_chosen_outputs(sizes):
    answer = sizes.post("/api/predict?outputs=predict", json={"features": ROW, "explain": 1}).get_json()
    assert list(answer["result"]) == ["prediction", "explanation"]


def test_without_explain_there_is_no_explanation(sizes):
    assert list(sizes.post("/api/predict", json={"features": ROW}).get_json()["result"]) == ["prediction"]


@pytest.mark.parametrize("value", [2.0, 2**64 - 1, 1e30])
def test_a_whole_number_may_be_written_in_any_way(sizes, value):
    answer = sizes.post("/api/predict", json={"features": ROW, "explain": value}).get_json()
    assert len(answer["result"]["explanation"]["contributions"]) == min(value, 3)


@pytest.mark.parametrize("value", [0, -1, 0.5, 2.5, True, "5", None, [1], -1e30])
def test_other_values_than_whole_numbers_are_rejected(sizes, value):
    response = sizes.post("/api/predict", json={"features": ROW, "explain": value})
    assert assert_error(response, 400, "validation_error")[0]["field"] == "explain"


def test_batches_take_no_explain(sizes):
    response = sizes.post("/api/predict/batch", json={"samples": [ROW], "explain": 1})
    assert assert_error(response, 400, "validation_error")[0]["field"] == "explain"


def test_a_wrong_row_is_rejected_as_without_explain(sizes):
    response = sizes.post("/api/predict", json={"features": [1.0, "x", 2.0], "explain": 1})
    assert assert_error(response, 400, "validation_error")[0]["position"] == 1


def test_a_model_without_an_explanation_is_named(serve):
    client = serve(KNeighborsRegressor().fit(TRAINING, SIZES), sample=TRAINING)
    response = client.post("/api/predict", json={"features": ROW, "explain": 1})
    (error,) = assert_error(response, 400, "validation_error")
    assert error["field"] == "explain"
    assert error["reason"].startswith("KNeighborsRegressor has no exact explanation")


def test_the_version_that_answers_is_explained_and_a_refusal_is_no_failure_of_a_challenger(sizes):
    with sizes.application.app_context():
        served_model = model_manager.served_model
        save = {"sample": TRAINING, "activate": False}
        model_manager.save_model(LinearRegression().fit(TRAINING, -SIZES), version="other", **save)
        model_manager.save_model(KNeighborsRegressor().fit(TRAINING, SIZES), version="nearest", **save)
    for split, version, sign in ((None, "linear", 1), (TrafficSplit("ab", {"other": 100}), "other", -1)):
        served_model.store.route(split)
        served_model.poll_traffic_split()
        answer = sizes.post("/api/predict", json={"features": ROW, "explain": 1}).get_json()
        assert answer["model_version"] == version
        assert answer["result"]["explanation"]["base_value"] == pytest.approx(sign * SIZES.mean())
    served_model.store.route(TrafficSplit("canary", {"nearest": 100}))
    served_model.poll_traffic_split()
    response = sizes.post("/api/predict", json={"features": ROW, "explain": 1})
    (error,) = assert_error(response, 400, "validation_error")
    assert error["reason"].startswith("KNeighborsRegressor")
    tallies = served_model.traffic_router.split.tallies.to_dict()
    assert [tally["errors"] for tally in tallies.values()] == [0, 0]


def test_model_info_says_how_answers_are_explained(serve, sizes):
    assert sizes.get("/api/model/info").get_json()["explains"] == "linear"
    client = serve(KNeighborsRegressor().fit(TRAINING, SIZES), sample=TRAINING)
    assert client.get("/api/model/info").get_json()["explains"] is None


def test_plain_python_explains_a_row(serve):
    client = serve(LogisticRegression().fit(TRAINING, SIZES.mean() < SIZES), sample=TRAINING)
    with client.application.app_context():
        found = model_manager.explain(dict(zip(NAMES, ROW, strict=True)), columns=1)
        assert found == model_manager.explain(np.array(ROW), columns=1)
    assert (found["method"], found["scale"], found["class"]) == ("linear", "log_odds", False)
    assert len(found["contributions"]) == 1
    answer = client.post("/api/predict", json={"features": ROW, "explain": 1}).get_json()
    assert answer["result"]["explanation"] == found
