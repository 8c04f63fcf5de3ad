import re

import pytest

from app.api.errors import STATUS
from app.models.ml_models import model_manager
from tests.assertions import assert_error
from tests.estimators import SECRET, MoodyRegressor, fitted
from tests.settings import ROOT

RAISES = {"features": [13, 0, 0]}
ANSWERS_NAN = {"features": [14, 0, 0]}


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/nothing", "/api/predict/", "/%2e%2e/etc/passwd", "/static/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_address_is_a_json_404(client, path, method):
    assert_error(client.open(path, method=method), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/predict", "POST"),
        ("DELETE", "/api/predict", "POST"),
        ("PUT", "/api/predict/batch", "POST"),
        ("POST", "/api/health", "GET"),
        ("PATCH", "/api/model/info", "GET"),
        ("TRACE", "/api/predict", "POST"),
        ("NONSENSE", "/api/predict", "POST"),
    ],
)
def test_wrong_method_is_a_json_405_that_says_what_is_allowed(client, method, path, allowed):
    response = client.open(path, method=method)
    assert_error(response, 405, "method_not_allowed")
    assert allowed in response.headers["Allow"]


def test_doubled_slash_leads_to_the_address(client):
    response = client.get("/api//health")
    assert (response.status_code, response.location) == (308, "http://localhost/api/health")


@pytest.mark.parametrize("body", [RAISES, ANSWERS_NAN], ids=["raises", "answers NaN"])
def test_model_that_fails_is_a_generic_500(serve, body):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict", json=body)
    assert_error(response, 500, "internal_error")
    document = response.get_json()
    assert document["error"] == "The service failed to answer this request"
    assert document["details"] == {}


def test_model_that_raises_leaves_its_traceback_in_the_log_under_the_same_request_id(serve, logged):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict", json=RAISES, headers={"X-Request-ID": "call-7"})
    assert response.get_json()["request_id"] == "call-7"
    record, _ = [line for line in logged() if line["level"] == "error"]  # and the request's own line
    assert record["request_id"] == "call-7"
    raised = [(error["exc_type"], error["exc_value"]) for error in record["exception"]]
    assert ("RuntimeError", SECRET) in raised
    functions = [frame["name"] for error in record["exception"] for frame in error["frames"]]
    assert functions.count("predict") >= 2


def test_what_a_caller_sent_stays_out_of_the_traceback(serve, logged):
    moody = serve(fitted(MoodyRegressor()))
    moody.post("/api/predict", json={"features": [13.25, -0.25, 0]})
    lines = logged()
    assert [line for line in lines if "exception" in line]
    assert "13.25" not in str(lines)


def test_model_goes_on_serving_after_it_raised(serve):
    moody = serve(fitted(MoodyRegressor()))
    moody.post("/api/predict", json=RAISES)
    answer = moody.post("/api/predict", json={"features": [1, 2, 3]}).get_json()
    assert answer["result"] == {"prediction": 6.0}


def test_one_bad_row_of_a_batch_is_a_500_for_the_batch(serve):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict/batch", json={"samples": [[1, 2, 3], [13, 0, 0]]})
    assert_error(response, 500, "internal_error")


def test_bug_in_a_view_is_a_generic_500(build_app, logged):
    app = build_app()
    app.add_url_rule("/broken", view_func=lambda: {}["/srv/secret"])
    assert_error(app.test_client().get("/broken"), 500, "internal_error")
    record, _ = [line for line in logged() if line["level"] == "error"]  # and the request's own line
    assert record["exception"][0]["exc_type"] == "KeyError"


def test_unforeseen_refusal_of_flask_has_the_one_shape_too(build_app):
    from werkzeug.exceptions import NotAcceptable

    def view():
        raise NotAcceptable

    app = build_app()
    app.add_url_rule("/picky", view_func=view)
    assert_error(app.test_client().get("/picky"), 400, "validation_error")


def test_version_that_exists_already_is_a_conflict(build_app, app):
    version = model_manager.service.model.version
    app.add_url_rule("/again", view_func=lambda: model_manager.service.store.save({}, {}, version=version))
    assert_error(app.test_client().get("/again"), 409, "conflict")


def test_every_error_type_is_documented_with_its_status():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    assert {error_type: int(status) for error_type, status in rows} == STATUS
