import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import urllib3

from model_service_client import (
    Client,
    ClientError,
    ConnectionFailed,
    Contribution,
    Explanation,
    Health,
    InvalidInput,
    NotFound,
    Prediction,
    ServerError,
    Timeout,
)
from tests.client.fake_service import Reply, error
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted
from tests.nginx import certificate
from tests.settings import ROOT

HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
EXPLANATION = {
    "method": "tree_shap",
    "scale": "log_odds",
    "class": "yes",
    "base_value": 0.5,
    "margin": 4.5,
    "contributions": [
        {"name": "b", "value": 20, "contribution": 3.0},
        {"name": "a", "value": None, "contribution": -1.0},
    ],
    "others": 2.0,
}


@pytest.mark.parametrize(
    "row",
    [[1, 2, 3], {"depth": 3, "height": 1, "width": 2}, (1, 2, 3), np.array([1, 2, 3]), BOXES.iloc[0] + 2],
    ids=lambda row: type(row).__name__,
)
def test_row_is_predicted_in_any_form(serve_over_http, row):
    prediction = serve_over_http(fitted(SumClassifier()), version="v1").predict(row)
    assert prediction == Prediction(
        prediction=0,
        confidence=0.75,
        probabilities={"class_0": 0.75, "class_1": 0.25},
        version="v1",
        request_id=prediction.request_id,
    )
    assert prediction.request_id


def test_model_without_probabilities_has_none(serve_over_http):
    prediction = serve_over_http(fitted(SumRegressor())).predict([1, 2, 3.5])
    assert (prediction.prediction, prediction.confidence, prediction.probabilities) == (6.5, None, None)


def test_score_outputs_and_warnings_are_there_where_the_model_has_them(fake, remote):
    result = {"prediction": -1, "score": -0.5, "outputs": [1.0]}
    warnings = [{"row": 0, "name": "a", "reason": "is far outside"}]
    fake.replies = [Reply(document={"result": result, "model_version": "v2", "warnings": warnings})]
    prediction = remote.predict([1])
    assert (prediction.prediction, prediction.score, prediction.outputs) == (-1, -0.5, [1.0])
    assert prediction.warnings == [{"name": "a", "reason": "is far outside"}]


def test_wrong_row_raises_what_is_wrong_with_it(serve_over_http):
    with pytest.raises(InvalidInput) as raised:
        serve_over_http(fitted(SumClassifier())).predict([1, "2", 3])
    (fault,) = raised.value.errors
    assert (fault["row"], fault["position"], fault["name"]) == (0, 1, "width")
    assert fault["reason"] == "must be a number, not a string"


def test_request_id_of_the_caller_returns_with_the_prediction(serve_over_http):
    assert serve_over_http(fitted(SumClassifier())).predict([1, 2, 3], request_id="mine").request_id == "mine"


@pytest.mark.parametrize("rows", [[[1, 2]], [{"a": 1}], [(1, 2)]])
def test_several_rows_are_no_row(remote, rows):
    with pytest.raises(TypeError, match="predict_batch takes several rows"):
        remote.predict(rows)


def test_errors_other_than_raise_and_rows_are_no_choice(remote):
    with pytest.raises(ValueError, match="must be raise or rows, not 'ignore'"):
        remote.predict_batch([[1]], errors="ignore")


def test_key_or_token_goes_with_every_request(fake, connect):
    connect(fake.url, api_key="secret").predict([1])
    connect(fake.url, token="secret").predict([1])
    first, second = (request.headers for request in fake.requests)
    assert (first["X-API-Key"], first["Authorization"]) == ("secret", None)
    assert (second["X-API-Key"], second["Authorization"]) == (None, "Bearer secret")


def test_secrets_do_not_show(connect):
    assert repr(connect("http://h:1", api_key="secret", token="secret", model="m")) == (
        "Client('http://h:1', model='m')"
    )


def test_model_by_name_is_asked_at_its_own_routes(fake, connect):
    named = connect(fake.url, model="a/b c")
    named.predict([1])
    named.info()
    named.wait_until_ready()
    assert [request.path for request in fake.requests] == [
        "/api/models/a%2Fb%20c/predict",
        "/api/model/info?model=a%2Fb%20c",
        "/api/model/info?model=a%2Fb%20c",
    ]


def test_explanation_names_what_each_column_adds(fake, remote):
    result = {"prediction": "yes", "confidence": 0.9, "explanation": EXPLANATION}
    fake.replies = [Reply(document={"result": result, "model_version": "v1", "request_id": "r"})]
    explanation = remote.explain({"a": None, "b": 20}, columns=2)
    assert fake.requests[0].path == "/api/predict"
    assert fake.requests[0].document == {"features": {"a": None, "b": 20}, "explain": 2}
    assert explanation == Explanation(
        prediction=Prediction("yes", 0.9, version="v1", request_id="r"),
        method="tree_shap",
        scale="log_odds",
        label="yes",
        base_value=0.5,
        margin=4.5,
        contributions=(Contribution("b", 20, 3.0), Contribution("a", None, -1.0)),
        others=2.0,
    )
    added = sum(each.contribution for each in explanation.contributions) + explanation.others
    assert explanation.base_value + added == explanation.margin


def test_explanation_of_a_regressor_has_no_label(fake, remote):
    without = {key: value for key, value in EXPLANATION.items() if key != "class"}
    fake.replies = [Reply(document={"result": {"prediction": 1.5, "explanation": without}})]
    explanation = remote.explain([1])
    assert fake.requests[0].document["explain"] == 5
    assert explanation.label is None


def test_model_that_cannot_be_explained_is_invalid_input(fake, remote):
    faults = [{"field": "explain", "reason": "a forest of 1 tree has none"}]
    fake.replies = [error(400, "validation_error", {"errors": faults})]
    with pytest.raises(InvalidInput, match="explain: a forest of 1 tree has none"):
        remote.explain([1])


def test_answer_without_an_explanation_is_an_error_of_the_server(fake, remote):
    with pytest.raises(ServerError, match="has no explanation"):
        remote.explain([1])


def test_health_names_the_version_or_says_that_there_is_none(serve_over_http, fake, remote):
    assert serve_over_http(fitted(SumClassifier()), version="v1").health() == Health(True, "v1")
    fake.replies = [Reply(503, {"status": "unhealthy", "model_version": None})]
    assert remote.health() == Health(healthy=False, version=None)
    fake.replies = [error(500, "internal_error")]
    with pytest.raises(ServerError):
        remote.health()
    assert len(fake.requests) == 2


def test_info_describes_the_model(serve_over_http):
    info = serve_over_http(fitted(SumClassifier())).info()
    assert info["feature_names"] == ["height", "width", "depth"]
    assert info["classes"] == [0, 1]


def test_service_is_waited_for_until_it_is_ready(fake, transport, pauses):
    fake.replies = [error(503, "model_error")] * 3
    transport.wait_for("/api/health/ready", 60)
    assert [request.path for request in fake.requests] == ["/api/health/ready"] * 4
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


def test_service_that_is_not_ready_in_time_is_a_timeout(fake, transport, pauses):
    fake.replies = [error(503, "model_error")] * 99
    with pytest.raises(Timeout, match="was not ready within 3 s: No"):
        transport.wait_for("/api/health/ready", 3)
    assert sum(pauses) <= 3


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (500, ServerError)])
def test_what_does_not_pass_is_not_waited_for(fake, connect, status, kind):
    fake.replies = [error(status, "not_found")]
    with pytest.raises(kind):
        connect(fake.url, model="unknown").wait_until_ready()
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:5000", "ftp://host", "http://", "http://me:pass@host", "http://host?a=b", "http://[::1"],
)
def test_address_that_is_none_of_a_service_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        Client(url)


def test_closed_client_does_not_ask(fake):
    with Client(fake.url) as remote:
        remote.predict([1])
    with pytest.raises(ConnectionFailed, match="closed"):
        remote.predict([1])
    assert len(fake.requests) == 1


def test_threads_share_a_client(fake, remote):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: remote.predict([number]).prediction, range(200)))
    assert found == list(range(200))
    assert len({request.client for request in fake.requests}) <= 8


def test_certificate_of_the_service_is_verified(tmp_path, connect):
    from tests.client.fake_service import FakeService

    path = certificate(tmp_path)
    (tmp_path / "both.pem").write_text(path.read_text() + (tmp_path / "privkey.pem").read_text())
    service = FakeService(tmp_path / "both.pem")
    try:
        url = service.url.replace("127.0.0.1", "localhost")
        assert connect(url, ca_certs=str(path)).predict([1, 2]).prediction == 3
        with pytest.raises(ConnectionFailed, match="certificate verify failed"):
            connect(url).predict([1])
        with pytest.raises(ConnectionFailed, match="certificate"):
            connect(service.url, ca_certs=str(path)).predict([1])
        assert len(service.requests) == 1
    finally:
        service.close()


def test_every_error_is_one_of_the_clients():
    import model_service_client

    kinds = [getattr(model_service_client, name) for name in model_service_client.__all__]
    errors = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(errors) == 10
    assert all(issubclass(kind, ClientError) for kind in errors)


def test_client_needs_nothing_but_urllib3():
    program = "import sys, model_service_client.client as c; c.Client('http://h'); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "client")},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "urllib3" in modules
    assert {"app", "flask", "pandas", "pyarrow", "numpy", "rich", "tqdm"} & set(modules) == set()


def test_row_adds_few_calls_to_those_of_urllib3(fake, remote):
    row = [0.5] * 20
    body = json.dumps({"features": row}).encode()
    with urllib3.HTTPConnectionPool("127.0.0.1", fake.port) as pool:
        theirs = calls(lambda: pool.urlopen("POST", "/api/predict", body, HEADERS).data)
    assert calls(lambda: remote.predict(row)) - theirs < 80


def calls(ask):
    """How many functions of Python's a call takes that is not the first."""
    ask()
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        ask()
    finally:
        sys.setprofile(None)
    return count
