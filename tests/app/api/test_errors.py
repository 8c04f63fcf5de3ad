import re

import pytest

from app.api.errors import STATUS
from app.models.ml_models import model_manager
from tests.assertions import assert_error
from tests.estimators import SECRET, MoodyRegressor, fitted
from tests.settings import ROOT

pytestmark = pytest.mark.usefixtures("both_dispatches")

RAISES = {"features": [13, 0, 0]}
ANSWERS_NAN = {"features": [14, 0, 0]}


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/api/nothing", "/api/predict/", "/%2e%2e/etc/passwd", "/static/x"]
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


@pytest.mark.parametrize(
    "path", ["//api/health", "//api/predict", "/api//health", "/api/health/", "//evil.example/api/health"]
)
def test_no_address_leads_to_another(client, path):
    assert_error(client.get(environ_overrides={"PATH_INFO": path}), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (RAISES, "the model refuses this row: RuntimeError"),
        (ANSWERS_NAN, "the model's answer to this row is not a finite number"),
    ],
    ids=["raises", "answers NaN"],
)
def test_row_that_the_model_refuses_is_a_400_that_says_so_and_no_more(serve, body, reason):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict", json=body)
    assert_error(response, 400, "validation_error")
    assert response.get_json()["details"] == {"errors": [{"field": "features", "row": 0, "reason": reason}]}


def test_model_that_fails_on_its_golden_rows_too_is_a_generic_500(serve, monkeypatch):
    client = serve(fitted(MoodyRegressor()))

    def broken(self, rows):
        raise RuntimeError(SECRET)

    monkeypatch.setattr(MoodyRegressor, "predict", broken)
    response = client.post("/api/predict", json={"features": [1, 2, 3]})
    assert_error(response, 500, "internal_error")
    document = response.get_json()
    assert document["error"] == "The service failed to answer this request"
    assert document["details"] == {}


def test_model_that_raises_leaves_its_traceback_in_the_log_under_the_same_request_id(serve, logged):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict", json=RAISES, headers={"X-Request-ID": "call-7"})
    assert response.get_json()["request_id"] == "call-7"
    (record,) = [line for line in logged() if "exception" in line]
    assert (record["request_id"], record["level"]) == ("call-7", "warning")
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


def test_rows_of_a_batch_that_the_model_refuses_are_named(serve):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict/batch", json={"samples": [[1, 2, 3], [13, 0, 0], [14, 0, 0]]})
    assert_error(response, 400, "validation_error")
    errors = response.get_json()["details"]["errors"]
    assert [(error["field"], error["row"]) for error in errors] == [("samples", 1), ("samples", 2)]


def test_other_rows_of_a_batch_are_answered_for_those_who_ask(serve):
    moody = serve(fitted(MoodyRegressor()))
    samples = [[1, 2, 3], [13, 0, 0], [4, None, 6], [4, 5, 6], [40, 0, 0]]
    response = moody.post("/api/predict/batch?errors=rows", json={"samples": samples})
    document = response.get_json()
    assert (response.status_code, document["count"], document["rejected"]) == (200, 5, 2)
    found = {result["sample_id"]: result.get("prediction") for result in document["results"]}
    assert found == {0: 6.0, 1: None, 2: None, 3: 15.0, 4: 40.0}
    refused, invalid = (document["results"][row]["details"]["errors"][0] for row in (1, 2))
    assert (refused["row"], refused["reason"]) == (1, "the model refuses this row: RuntimeError")
    assert (invalid["row"], invalid["name"]) == (2, "width")
    assert [warning["row"] for warning in document["warnings"]] == [4]


def test_batch_without_one_good_row_is_refused_whatever_was_asked(serve):
    moody = serve(fitted(MoodyRegressor()))
    response = moody.post("/api/predict/batch?errors=rows", json={"samples": [[13, 0, 0], [1, 2, "x"]]})
    assert_error(response, 400, "validation_error")
    assert [error["row"] for error in response.get_json()["details"]["errors"]] == [0, 1]


def test_errors_can_be_asked_for_by_row_or_by_request_only(client):
    response = client.post("/api/predict/batch?errors=some", json={"samples": [[1, 2, 3]]})
    assert_error(response, 400, "validation_error")
    assert response.get_json()["details"]["errors"][0]["field"] == "errors"


def test_bug_in_a_view_is_a_generic_500(build_app, logged):
    app = build_app()
    app.add_url_rule("/broken", view_func=lambda: {}["/srv/secret"])
    assert_error(app.test_client().get("/broken"), 500, "internal_error")
    record, _ = [line for line in logged() if line["level"] == "error"]  # and the request's own line
    assert record["exception"][0]["exc_type"] == "KeyError"


def test_unforeseen_refusal_of_flask_has_the_one_shape_too(build_app):
    from werkzeug.exceptions import Gone

    def view():
        raise Gone

    app = build_app()
    app.add_url_rule("/picky", view_func=view)
    assert_error(app.test_client().get("/picky"), 400, "validation_error")


def test_version_that_exists_already_is_a_conflict(build_app, app):
    version = model_manager.served_model.model.version
    app.add_url_rule(
        "/again", view_func=lambda: model_manager.served_model.store.save({}, {}, version=version)
    )
    assert_error(app.test_client().get("/again"), 409, "conflict")


def test_every_error_type_is_documented_with_its_status():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    assert {error_type: int(status) for error_type, status in rows} == STATUS
