import logging

from tests.estimators import SumClassifier, fitted


def test_each_request_is_one_json_line(logged, serve):
    client = serve(fitted(SumClassifier()))
    logged()
    client.post("/api/predict", json={"features": [1, 2, 3]}, headers={"X-Request-ID": "call-1"})
    client.get("/api/nothing", headers={"X-Request-ID": "call-2"})
    first, second = logged()
    assert first["event"] == "request"
    assert (first["method"], first["path"], first["status"]) == ("POST", "/api/predict", 200)
    assert (first["level"], first["request_id"]) == ("info", "call-1")
    assert first["duration_ms"] > 0
    assert "timestamp" in first
    assert (second["status"], second["request_id"]) == (404, "call-2")


def test_loading_a_model_is_logged_with_its_version(logged, serve):
    serve(fitted(SumClassifier()), version="v1")
    (line,) = [line for line in logged() if line["event"] == "model loaded"]
    assert line["model_version"] == "v1"


def test_records_of_libraries_are_json_lines_too(logged, empty_app, build_app):
    build_app()
    logging.getLogger("some.library").warning("disk is %s", "full")
    assert logged()[-1]["event"] == "disk is full"


def test_an_address_with_line_breaks_stays_one_line(logged, build_app):
    client = build_app().test_client()
    client.get('/api/%0a{"event":"forged"}%0d%1b[31m')
    (line,) = logged()
    assert line["path"] == '/api/\n{"event":"forged"}\r\x1b[31m'


def test_below_the_level_nothing_is_logged(logged, build_app):
    build_app(LOG_LEVEL="WARNING").test_client().get("/api/health/live")
    assert logged() == []


def test_development_logs_for_people(capsys, build_app):
    build_app("development").test_client().get("/api/health/live")
    output = capsys.readouterr().out
    assert "/api/health/live" in output
    assert not output.startswith("{")


def test_identifiers_of_one_request_are_not_logged_with_the_next(logged, serve):
    client = serve(fitted(SumClassifier()))
    client.post("/api/predict", json={"features": [1, 2, 3], "client_id": "shop"})
    client.post("/api/predict", json={"features": [1, 2, 3]})
    first, second = logged()[-2:]
    assert first["client_id"] == "shop"
    assert "client_id" not in second
