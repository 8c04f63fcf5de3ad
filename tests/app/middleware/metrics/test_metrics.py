import random
import string
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sklearn.linear_model import LinearRegression

from app.middleware import metrics
from app.models.ml_models import model_manager
from app.models.ports import CacheLookedUp, EngineFailed, Loaded, LoadRejected, PortFailed
from tests import settings
from tests.estimators import BOXES, SizeClassifier, SumClassifier, fitted
from tests.services import environment


@pytest.fixture
def series():
    def series(client):
        families = text_string_to_metric_families(client.get("/metrics").text)
        return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}

    return series


def test_requests_are_counted_by_route_method_and_status(client, series):
    client.get("/api/health")
    client.get("/api/health")
    client.get("/api/nothing")
    client.delete("/api/predict")
    found = series(client)
    assert found["http_requests_total", ("GET", "/api/health", "200")] == 2
    assert found["http_requests_total", ("GET", "unmatched", "404")] == 1
    assert found["http_requests_total", ("DELETE", "unmatched", "405")] == 1
    assert found["http_request_duration_seconds_count", ("/api/health",)] == 2
    assert found["http_requests_in_flight", ()] == 1


def test_look_ups_in_the_cache_count_from_zero(client, series):
    assert {series(client)["cache_lookups_total", (outcome,)] for outcome in ("hit", "miss")} == {0}


def test_predictions_are_counted_by_version_and_label(serve, series):
    client = serve(fitted(SizeClassifier()), version="v1")
    client.post("/api/predict/batch", json={"samples": [[1, 1, 1], [9, 9, 9], [8, 8, 8]]})
    client.post("/api/predict", json={"features": [1, 1, 1]})
    found = series(client)
    assert found["predictions_total", ("large", "v1")] == 2
    assert found["predictions_total", ("small", "v1")] == 2
    assert found["prediction_rows_total", ("v1",)] == 4
    assert found["prediction_duration_seconds_count", ("sklearn", "v1")] == 2
    assert found["model_load_seconds", ("v1",)] > 0


def test_failures_of_the_engine_are_counted_from_0(client, series):
    assert series(client)["engine_failures_total", ("sklearn",)] == 0


def test_a_command_is_not_counted_as_a_worker(tmp_path):
    counts = tmp_path / "counts"
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "run", "models", "list"],
        cwd=settings.ROOT,
        env=environment(APP_ENV="testing", MODELS_DIR=tmp_path / "models", PROMETHEUS_MULTIPROC_DIR=counts),
        check=True,
    )
    assert not counts.exists()


def test_a_regressors_predictions_count_as_values(serve, series):
    client = serve(LinearRegression().fit(BOXES, range(len(BOXES))), version="v1")
    client.post("/api/predict", json={"features": [1, 1, 1]})
    assert series(client)["predictions_total", ("value", "v1")] == 1


def test_the_observer_counts_what_else_happens(app, client, series):
    observe = metrics.observer(app)
    for event in (
        CacheLookedUp(hits=3, misses=0),
        CacheLookedUp(hits=0, misses=2),
        EngineFailed("onnx"),
        LoadRejected("v9", "it is damaged"),
        PortFailed("cache"),
    ):
        observe("default", event)
    with app.app_context():
        metrics.count_rejected("rate_limit")
        metrics.count_rejected("other")
        model_manager.predict([1, 2, 3])
    found = series(client)
    assert found["cache_lookups_total", ("hit",)] == 3
    assert found["cache_lookups_total", ("miss",)] == 2
    assert found["engine_failures_total", ("onnx",)] == 1
    assert found["model_load_refusals_total", ()] == 1
    assert found["port_failures_total", ("cache",)] == 1
    assert found["requests_refused_total", ("rate_limit",)] == 1
    assert found["requests_refused_total", ("other",)] == 1
    assert found["prediction_rows_total", (app.extensions["model_registry"].default.model.version,)] == 1


def test_refusals_are_counted_by_reason(serve, series):
    key = "a-key-of-wooden-barrels"
    limits = {"MAX_CONTENT_LENGTH": 50, "RATE_LIMIT_ADMIN": "1/minute", "WORKERS": 1}
    client = serve(fitted(SumClassifier()), API_KEY_1=key, API_KEY_SCOPES="admin,predict,metrics", **limits)
    assert client.get("/api/models").status_code == 401
    client.environ_base["HTTP_X_API_KEY"] = key
    assert client.get("/api/models").status_code == 200
    assert client.get("/api/models").status_code == 429
    assert client.delete("/api/predict").status_code == 405
    assert client.post("/api/predict", json={"features": [1] * 50}).status_code == 413
    shedder = client.application.extensions["load_shedder"]
    waiting, shedder.waiting = shedder.waiting, lambda: 100
    assert client.get("/api/models").status_code == 503
    shedder.waiting = waiting
    assert client.post("/api/predict", json={"features": [1]}).status_code == 400
    found = series(client)
    counted = {
        labels[0]: value for (name, labels), value in found.items() if name == "requests_refused_total"
    }
    reasons = ("authentication", "rate_limit", "other", "payload_too_large", "overloaded")
    assert counted == dict.fromkeys(reasons, 1)


def test_ten_thousand_random_requests_add_few_series(client, series):
    client.get("/metrics")
    client.post("/api/models/other/predict")  # a route, whatever the name in it
    before = len(series(client))
    chance = random.Random(0)
    for _ in range(10_000):
        word = "".join(chance.choices(string.ascii_letters, k=8))
        path = chance.choice(
            [f"/{word}", f"/api/{word}", f"/api/predict/{word}", f"/api/models/{word}/predict"]
        )
        client.open(path, method=chance.choice(["GET", "POST", word.upper()]))
    assert len(series(client)) - before <= 50


def test_many_versions_do_not_make_many_series(serve, series):
    client = serve(fitted(SumClassifier()))
    service = client.application.extensions["model_registry"].default
    from dataclasses import replace

    observe = metrics.observer(client.application)
    for number in range(60):
        observe("default", Loaded(replace(service.model, version=f"v{number}"), 0.1))
    loads = [key for key in series(client) if key[0] == "model_load_seconds"]
    assert len(loads) == 52  # 50 and "other", and what the app itself loaded
