import json
import logging
from shutil import copytree
from types import SimpleNamespace

import pytest
from flask import g

from app.models.ml_models import model_manager
from tests.assertions import assert_error
from tests.estimators import SumClassifier, fitted

CANARY = "canary-7f3a"
HOSTILE = ["\r\n", "\n{}", "\x1b[31m", "\x1b]0;x\x07", '"', "\\", "\u2028", "\x85", "\x9b31m", "\x00", "\x7f"]


def requests_of(lines):
    return [line for line in lines if line["event"] == "request"]


def test_each_request_is_one_json_line(logged, serve):
    client = serve(fitted(SumClassifier()), version="v1")
    logged()
    body = {"features": [1, 2, 3], "request_id": "mine", "client_id": "shop"}
    client.post("/api/predict", json=body, headers={"X-Request-ID": "call-1"})
    client.get("/api/nothing", headers={"X-Request-ID": "call-2"})
    first, second = logged()
    assert first["event"] == "request"
    assert (first["method"], first["route"], first["status"]) == ("POST", "/api/predict", 200)
    assert (first["level"], first["request_id"], first["client"]) == ("info", "call-1", "127.0.0.1")
    assert (first["caller_request_id"], first["client_id"]) == ("mine", "shop")
    assert (first["version"], first["engine"], first["rows"], first["cached"]) == ("v1", "sklearn", 1, 0)
    assert first["duration_ms"] > 0
    assert first["bytes_in"] == 59
    assert first["bytes_out"] > 100
    assert first["timestamp"].endswith("Z")
    assert "inputs" not in first
    assert (second["route"], second["status"], second["request_id"]) == ("unmatched", 404, "call-2")


def test_whoever_sent_a_row_that_does_not_fit_is_logged_too(logged, serve):
    client = serve(fitted(SumClassifier()))
    logged()
    client.post("/api/predict", json={"features": ["x"], "request_id": "mine", "client_id": "shop"})
    (line,) = logged()
    assert (line["status"], line["caller_request_id"], line["client_id"]) == (400, "mine", "shop")


def test_inputs_are_logged_on_demand_with_their_results(logged, serve):
    client = serve(fitted(SumClassifier()), LOG_INPUTS=True)
    logged()
    answer = client.post("/api/predict", json={"features": [1, 2, 3]})
    (line,) = logged()
    assert line["inputs"] == [[[1.0, 2.0, 3.0]]]
    assert line["predictions"] == [[answer.json["result"]]]


def test_a_model_beside_the_default_one_is_logged_by_its_name(logged, serve, models_dir):
    client = serve(fitted(SumClassifier()), version="v1")
    copytree(models_dir / "model_v1", models_dir / "boxes" / "model_v1")
    with client.application.app_context():
        model_manager.registry["boxes"].load()
    logged()
    client.post("/api/models/boxes/predict", json={"features": [1, 2, 3]})
    client.post("/api/predict", json={"features": [1, 2, 3]})
    assert [line.get("model") for line in logged()] == ["boxes", None]


def test_the_callers_key_is_logged_by_its_id(logged, build_app):
    app = build_app()
    app.before_request(lambda: setattr(g, "principal", SimpleNamespace(id="key-1", secret=CANARY)))
    app.test_client().get("/api/health/live")
    (line,) = logged()
    assert line["caller"] == "key-1"
    assert CANARY not in json.dumps(line)


def test_loading_a_model_is_logged_with_its_version(logged, serve):
    serve(fitted(SumClassifier()), version="v1")
    (line,) = [line for line in logged() if line["event"] == "model loaded"]
    assert line["model_version"] == "v1"


def test_records_of_libraries_are_json_lines_too(logged, build_app):
    build_app()
    logging.getLogger("some.library").warning("disk is %s", "full")
    logging.getLogger("some.library").warning("bad %d", "arguments")
    assert logged()[-1]["event"] == "disk is full"


def test_below_the_level_nothing_is_logged(logged, build_app):
    build_app(LOG_LEVEL="WARNING").test_client().get("/api/health/live")
    assert logged() == []


def test_development_logs_for_people(capsys, build_app):
    build_app("development").test_client().get("/api/health/live")
    output = capsys.readouterr().out
    assert "/api/health/live" in output
    assert not output.startswith("{")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_five_hundred_hostile_payloads_are_five_hundred_lines(capsys, serve, log_format):
    client = serve(fitted(SumClassifier()), LOG_FORMAT=log_format, LOG_INPUTS=True)
    client.application.before_request(lambda: setattr(g, "principal", SimpleNamespace(id=HOSTILE[0])))
    capsys.readouterr()
    for number in range(500):
        text = HOSTILE[number % len(HOSTILE)] + f"forged-{number}"
        client.open(
            "/api/predict" if number % 2 else f"/api/{number}{text!r}?x=%0a%1b",
            method="POST",
            json={"features": [1, 2, 3], "client_id": text, "request_id": text},
            headers={"User-Agent": "x\x1b[31m"},
            environ_overrides={"REMOTE_ADDR": text, "HTTP_X_REQUEST_ID": text},
        )
    output = capsys.readouterr().out
    lines = output.splitlines()
    assert len(lines) == 500
    assert all(line.isprintable() for line in lines)
    if log_format == "json":
        assert all(json.loads(line)["event"] == "request" for line in lines)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_foreign_lines_cannot_be_forged_either(capsys, build_app, log_format):
    build_app(LOG_FORMAT=log_format)
    for text in HOSTILE:
        logging.getLogger("library").warning("got %s", text + "forged", extra={"value": text, text: 1})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(HOSTILE)
    assert all(line.isprintable() for line in lines)


def test_a_traceback_for_people_is_indented_below_its_line(capsys, build_app):
    build_app("development")
    capsys.readouterr()
    try:
        raise ValueError("one\ntwo\x1b[31m")
    except ValueError:
        logging.getLogger("library").exception("failed")
    first, *rest = capsys.readouterr().out.splitlines()
    assert "failed" in first
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_secrets_are_in_no_log_metric_or_error(capsys, serve):
    client = serve(fitted(SumClassifier()), LOG_LEVEL="DEBUG")
    app = client.application

    @app.get("/boom")
    def boom():
        secret = CANARY  # a local of a frame in the traceback
        raise RuntimeError(len(secret))

    headers = {"X-API-Key": CANARY, "Authorization": f"Bearer {CANARY}", "Cookie": f"session={CANARY}"}
    answers = [
        client.open(path, method=method, headers=headers, json={"features": [1, 2, 3]})
        for method in ("GET", "POST", CANARY)
        for path in ("/api/predict", f"/api/{CANARY}", f"/api/stats?key={CANARY}", "/boom", "/metrics")
    ]
    assert CANARY not in capsys.readouterr().out
    assert not [answer for answer in answers if CANARY in answer.get_data(as_text=True)]


class Broken:
    """Stands in for a part of any layer."""

    def __call__(self, *_, **__):
        raise RuntimeError("/srv/private/model.py 1.2.3")

    __getattr__ = __call__


def break_view(app):
    app.view_functions["predictions.predict"] = Broken()


def break_registry(app):
    app.extensions["model_registry"] = Broken()


def break_engine(app):
    object.__setattr__(app.extensions["model_registry"].default.model, "engine", Broken())


def break_before(app):
    app.before_request(Broken())


@pytest.mark.parametrize("break_", [break_view, break_registry, break_engine, break_before])
def test_a_failure_in_any_layer_shows_nothing_of_the_inside(logged, serve, break_):
    client = serve(fitted(SumClassifier()))
    break_(client.application)
    logged()
    response = client.post("/api/predict", json={"features": [1, 2, 3]})
    assert_error(response, 500, "internal_error")
    assert "1.2.3" not in response.get_data(as_text=True)
    lines = logged()
    assert [line["status"] for line in requests_of(lines)] == [500]
    assert lines[0]["exception"]
    assert lines[0]["request_id"] == response.headers["X-Request-ID"]
    assert requests_of(lines)[0]["level"] == "error"
