"""The Open Inference Protocol: health, metadata, statistics and the repository extension."""

import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.models.ml_models import model_manager
from app.models.training.estimators import mixed_pipeline
from tests.app.api.dialects.v2 import infer, matrix, outputs
from tests.app.middleware.auth.credentials import KEY, PEPPER, add_key, with_key
from tests.assertions import assert_error_text, strict_json
from tests.estimators import BOXES, INCOME, NAMES, PEOPLE, SumClassifier, SumRegressor, fitted

MODEL = "/v2/models/default"
INDEX = "/v2/repository/index"
LOAD, UNLOAD = (f"/v2/repository/models/default/{call}" for call in ("load", "unload"))
CANARY = {"mode": "canary", "challenger": "v2", "percent": 0}


def save(model, version, name="default"):
    model_manager.save_model(model, sample=BOXES, version=version, activate=name != "default", name=name)


@pytest.fixture
def sums(serve):
    """A client: version v1 answers the sum, v2 the doubled sum, and the model ``other`` has one version."""
    client = serve(fitted(SumRegressor()), version="v1", OUTLIER_POLICY="off")
    with client.application.app_context():
        model_manager.served_model.store.activate("v1")
        save(fitted(SumRegressor(factor=2.0)), "v2")
        save(fitted(SumClassifier()), "first", name="other")
    return client


def found(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return strict_json(answer)


def version_of(client):
    return infer(client, matrix([[1, 2, 3]])).get_json()["model_version"]


def test_the_server_names_its_extensions(client):
    document = found(client, "/v2")
    assert set(document) == {"name", "version", "extensions"}
    assert {"binary_tensor_data", "model_repository", "statistics"} == set(document["extensions"])


def test_health_says_both_words_for_ready(client, empty_app):
    assert found(client, "/v2/health/live") == {"live": True}
    assert found(client, "/v2/health/ready") == {"live": True, "ready": True}
    empty = empty_app.test_client()
    assert found(empty, "/v2/health/live") == {"live": True}
    assert assert_error_text(empty.get("/v2/health/ready"), 503) == "Not all models are ready"


def test_the_server_is_ready_only_if_every_model_is(sums):
    assert assert_error_text(sums.get("/v2/health/ready"), 503) == "Not all models are ready"
    assert assert_error_text(sums.get("/v2/models/other/ready"), 503) == "No model is loaded"
    assert found(sums, f"{MODEL}/ready") == {"name": "default", "ready": True}
    assert sums.post("/v2/repository/models/other/load").status_code == 200
    assert found(sums, "/v2/health/ready")["ready"]


def test_a_server_that_stops_is_not_ready(client, monkeypatch):
    monkeypatch.setattr("app.middleware.draining._flag", [1])
    assert assert_error_text(client.get("/v2/health/ready"), 503) == "The server is about to stop"


def test_a_model_that_cannot_be_read_is_said_and_hides_no_other(sums, models_dir, tmp_path):
    (models_dir / "other").rename(tmp_path / "other")
    (models_dir / "other").symlink_to(tmp_path / "other")
    model_manager.registry.forget("other")
    assert assert_error_text(sums.get("/v2/health/ready"), 503) == "Not all models are ready"
    assert [each["name"] for each in found(sums, "/v2/models/stats")["model_stats"]] == ["default"]
    index = strict_json(sums.post(INDEX))
    assert [each["reason"] for each in index if each["name"] == "other"] == [
        "other in the model store cannot be read: it is a symbolic link"
    ]


def test_named_models_do_without_a_default_one(build_app):
    app = build_app()
    with app.app_context():
        save(fitted(SumClassifier()), "first", name="other")
        model_manager.registry["other"].load()
    assert found(app.test_client(), "/v2/health/ready")["ready"]


def test_models_and_versions_are_listed(sums):
    assert found(sums, "/v2/models") == {"models": ["default", "other"]}
    assert found(sums, MODEL)["versions"] == ["v1"]
    sums.post("/api/models/routing", json=CANARY)
    assert found(sums, MODEL)["versions"] == ["v1", "v2"]
    assert found(sums, f"{MODEL}/versions/v2/ready")["ready"]
    answer = sums.post(f"{MODEL}/versions/v2/infer", json={"inputs": [matrix([[1, 2, 3]])]})
    assert outputs(answer)[0]["data"] == [12.0]


def test_what_is_not_there_is_404(sums):
    for path in ("", "/ready", "/stats"):
        assert (
            assert_error_text(sums.get(f"{MODEL}/versions/v2{path}"), 404)
            == "Model version 'v2' is not loaded"
        )
        assert assert_error_text(sums.get(f"/v2/models/third{path}"), 404) == "There is no model 'third'"


def tensor(name, datatype, width=1):
    return {"name": name, "datatype": datatype, "shape": [-1, width]}


def test_a_model_of_an_array_takes_one_matrix(serve):
    model = LogisticRegression().fit(BOXES.to_numpy(), ["s", "l"] * 10)
    document = found(serve(model), MODEL)
    assert document["inputs"] == [tensor("input-0", "FP64", 3) | {"parameters": {"columns": NAMES}}]
    assert document["outputs"] == [tensor("predict", "BYTES"), tensor("predict_proba", "FP64", 2)]
    assert document["platform"] in ("onnx", "sklearn")


def test_a_model_of_a_frame_takes_its_columns(serve):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    document = found(serve(model, sample=PEOPLE), MODEL)
    assert document["inputs"] == [tensor("age", "FP64"), tensor("city", "BYTES")]


def test_datatypes_of_labels_are_those_of_the_labels(serve):
    frame = pd.DataFrame({"rooms": [1, 2] * 10, "garden": [True, False] * 10, "floor": ["a", "b"] * 10})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame, [1.0, 2.0] * 10)
    document = found(serve(model, sample=frame), MODEL)
    assert [each["datatype"] for each in document["inputs"]] == ["INT64", "BOOL", "BYTES"]
    assert document["outputs"] == [tensor("predict", "FP64")]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (StandardScaler(), [tensor("transform", "FP64", 3)]),
        (IsolationForest(n_estimators=5), [tensor("predict", "INT64"), tensor("decision_function", "FP64")]),
    ],
)
def test_the_outputs_of_the_metadata_are_those_of_answers(serve, model, expected):
    client = serve(model.fit(BOXES.to_numpy()))
    assert found(client, MODEL)["outputs"] == expected
    (first, *_) = expected
    (output,) = outputs(infer(client, matrix([[1, 2, 3], [4, 5, 6]])))
    assert (output["name"], output["datatype"]) == (first["name"], first["datatype"])
    assert output["shape"] == [2, first["shape"][1]]


def test_several_targets_stand_side_by_side(serve):
    model = LinearRegression().fit(BOXES.to_numpy(), BOXES.to_numpy()[:, :2])
    client = serve(model)
    assert found(client, MODEL)["outputs"] == [tensor("predict", "FP64", 2)]
    assert outputs(infer(client, matrix([[1, 2, 3]])))[0]["shape"] == [1, 2]


def test_statistics_count_rows_and_calls_by_version(sums):
    infer(sums, matrix([[1, 2, 3], [4, 5, 6]]))
    sums.post("/api/predict", json={"features": [1, 2, 3]})
    (stats,) = found(sums, f"{MODEL}/stats")["model_stats"]
    assert (stats["name"], stats["version"]) == ("default", "v1")
    assert (stats["inference_count"], stats["execution_count"]) == (3, 2)
    success = stats["inference_stats"]["success"]
    assert success["count"] == 2
    assert success["ns"] > 0
    sums.post("/v2/repository/models/other/load")
    sums.post("/v2/models/other/infer", json={"inputs": [matrix([[1, 2, 3]])]})
    every = found(sums, "/v2/models/stats")["model_stats"]
    assert [(each["name"], each["inference_count"]) for each in every] == [("default", 3), ("other", 1)]
    assert found(sums, f"{MODEL}/versions/v1/stats")["model_stats"] == every[:1]


def test_the_index_has_every_version_and_its_state(sums):
    index = strict_json(sums.post(INDEX))
    assert {"name": "default", "version": "v1", "state": "READY", "reason": ""} in index
    assert [(each["name"], each["version"]) for each in index if each["state"] == "UNAVAILABLE"] == [
        ("default", "v2"),
        ("other", "first"),
    ]
    assert [each["version"] for each in strict_json(sums.post(INDEX, json={"ready": True}))] == ["v1"]
    assert assert_error_text(sums.post(INDEX, json={"ready": "yes"}), 400).startswith(
        "Validation failed: ready: must be"
    )


def test_the_index_says_why_a_version_is_not_served(sums, models_dir):
    (models_dir / "model_v2" / "model.pkl").write_bytes(b"damaged")
    assert "Version v2 is refused" in assert_error_text(
        sums.post(LOAD, json={"parameters": {"version": "v2"}}), 409
    )
    (entry,) = [each for each in strict_json(sums.post(INDEX)) if each["version"] == "v2"]
    assert entry["state"] == "UNAVAILABLE"
    assert entry["reason"]
    assert version_of(sums) == "v1"


def test_loading_a_version_serves_it(sums):
    answer = sums.post(LOAD, json={"parameters": {"version": "v2"}})
    assert strict_json(answer) == {"name": "default", "load": True, "version": "v2"}
    assert version_of(sums) == "v2"
    assert model_manager.served_model.store.active() == "v2"


def test_loading_without_a_version_keeps_the_active_one(sums):
    assert strict_json(sums.post(LOAD))["version"] == "v1"
    assert version_of(sums) == "v1"


def test_loading_without_an_active_version_serves_the_newest(sums, models_dir):
    (models_dir / "active.json").unlink()
    assert strict_json(sums.post(LOAD))["version"] == "v2"
    assert version_of(sums) == "v2"


def test_an_empty_store_has_nothing_to_load(empty_app):
    client = empty_app.test_client()
    assert assert_error_text(client.post(LOAD), 404) == "There is no model 'default'"
    assert strict_json(client.post(INDEX)) == []
    assert found(client, "/v2/models/stats") == {"model_stats": []}


def test_loading_what_is_not_there_is_404(sums):
    assert assert_error_text(sums.post(LOAD, json={"parameters": {"version": "v9"}}), 404)
    assert (
        assert_error_text(sums.post("/v2/repository/models/third/load"), 404) == "There is no model 'third'"
    )


@pytest.mark.parametrize("parameters", [{"config": "{}"}, {"file:1/model.onnx": "AA=="}, {"version": 1}, [1]])
def test_models_are_loaded_from_the_store_alone(sums, parameters):
    assert "parameters" in assert_error_text(sums.post(LOAD, json={"parameters": parameters}), 400)


@pytest.mark.parametrize("path", [LOAD, UNLOAD])
def test_a_name_that_is_no_version_is_refused(sums, path):
    assert_error_text(sums.post(path, json={"parameters": {"version": "../v1"}}), 400)
    assert_error_text(sums.post(path, json={"parameters": {"version": ""}}), 400)
    assert_error_text(sums.post(path, data=b"\xff{"), 400)


def test_what_serves_is_not_unloaded(sums):
    assert "serves its active version until" in assert_error_text(sums.post(UNLOAD), 409)
    assert "it is the active one" in assert_error_text(
        sums.post(UNLOAD, json={"parameters": {"version": "v1"}}), 409
    )
    assert version_of(sums) == "v1"


def test_unloading_a_challenger_ends_its_traffic_split(sums):
    sums.post("/api/models/routing", json=CANARY)
    assert sums.post(UNLOAD, json={"parameters": {"version": "v2"}}).status_code == 200
    assert found(sums, MODEL)["versions"] == ["v1"]


def test_one_of_several_challengers_is_not_unloaded(sums):
    sums.post("/api/models/routing", json={"mode": "ab", "shares": {"v1": 50, "v2": 50}})
    answer = sums.post(UNLOAD, json={"parameters": {"version": "v2"}})
    assert "it is one of several in the traffic split" in assert_error_text(answer, 409)


def test_unloading_what_is_not_loaded_changes_nothing(sums):
    body = {"parameters": {"version": "v2", "unload_dependents": False}}
    assert strict_json(sums.post(UNLOAD, json=body)) == {"name": "default", "unload": True}
    assert sums.post("/v2/repository/models/other/unload").status_code == 200
    assert assert_error_text(sums.post(UNLOAD, json={"parameters": {"version": "v9"}}), 404)


def test_each_call_has_its_scope_and_probes_have_none(build_app, tmp_path):
    path = tmp_path / "keys.jsonl"
    keys = {scope: add_key(path, scopes=(scope,)) for scope in ("predict", "admin", "metrics")}
    client = build_app(API_KEYS_FILE=path, API_KEY_PEPPER=PEPPER).test_client()
    calls = {
        ("GET", "/v2"): "predict",
        ("GET", "/v2/models"): "predict",
        ("GET", MODEL): "predict",
        ("POST", f"{MODEL}/infer"): "predict",
        ("GET", "/v2/models/stats"): "metrics",
        ("GET", f"{MODEL}/stats"): "metrics",
        ("POST", INDEX): "admin",
        ("POST", LOAD): "admin",
        ("POST", UNLOAD): "admin",
    }
    for (method, path), needed in calls.items():
        assert_error_text(client.open(path, method=method), 401)
        for scope, key in keys.items():
            answer = client.open(path, method=method, headers=with_key(key))
            assert (answer.status_code == 403) == (scope != needed), (path, scope)
    for path in ("/v2/health/live", "/v2/health/ready", f"{MODEL}/ready"):
        assert client.get(path).status_code in (200, 503)


def test_probes_are_not_limited_and_operators_have_a_limit_of_their_own(serve):
    client = serve(
        fitted(SumClassifier()),
        API_KEY_1=KEY,
        RATE_LIMIT="1/hour",
        RATE_LIMIT_ADMIN="1/hour",
        WORKERS=1,
        API_KEY_SCOPES="predict,admin",
    )
    assert [client.get("/v2/health/ready").status_code for _ in range(3)] == [200] * 3
    assert [client.get(MODEL, headers=with_key(KEY)).status_code for _ in range(2)] == [200, 429]
    assert [client.post(INDEX, headers=with_key(KEY)).status_code for _ in range(2)] == [200, 429]
