"""nginx.conf in front of the real service, and of replicas that die."""

import gzip
import json
import re
import socket
import struct
import subprocess
import threading
from contextlib import contextmanager, suppress
from itertools import count
from random import Random
from urllib.parse import unquote

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.api.errors import STATUS
from app.middleware.route_table import ADMIN, PREDICT, ROUTE_TABLE
from app.middleware.security_headers import HEADERS
from tests.deploy.asking import DIALECTS, JSON, LIMIT, PREDICTIONS, ROW, ask, logged, sent
from tests.nginx import SOURCE, certificate, command, configure, nginx, relocated, upstreams, with_tls
from tests.services import PATIENCE, free_port

pytestmark = pytest.mark.server

# --- the file itself


def configuration(folder, text):
    (folder / "nginx.conf").write_text(relocated(text, folder))
    configure(folder, port=free_port(), tls_port=free_port())
    (folder / "upstreams.conf").write_text(upstreams(1))
    result = subprocess.run(command(folder, "-t"), capture_output=True, text=True, timeout=PATIENCE)
    return result.stderr


@pytest.mark.parametrize("change", [str, with_tls], ids=["as it is", "with TLS"])
def test_nginx_accepts_it(tmp_path, change):
    certificate(tmp_path)
    said = configuration(tmp_path, change(SOURCE.read_text()))
    assert "test is successful" in said
    assert "warn" not in said


def test_it_runs_here_with_other_addresses_and_nothing_else_changed(tmp_path):
    text = with_tls(SOURCE.read_text())
    changed = relocated(text, tmp_path)
    pairs = zip(text.splitlines(), changed.splitlines(), strict=True)
    differing = {old.split()[0] for old, new in pairs if old != new}
    assert differing <= {"#", "pid", "include", "ssl_certificate", "ssl_certificate_key"} | {
        f"{kind}_temp_path" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    }
    assert "/tmp/" not in changed.replace(f"{tmp_path}/", "")


def test_every_error_type_is_one_of_the_services():
    block = re.search(r"map \$status \$error_type \{\n(.*?)\}", SOURCE.read_text(), re.DOTALL)
    assert set(re.findall(r"(\w+);", block[1])) <= set(STATUS)


# --- what passes


@pytest.mark.parametrize("path", PREDICTIONS)
def test_predictions_of_all_models_pass(proxy, path):
    answer = ask(proxy, "POST", path, ROW, JSON)
    assert answer.headers["Server"] == "nginx"
    if "fraud" in path:
        assert (answer.status, answer.error["error"]) == (404, "There is no model 'fraud'")
    else:
        assert answer.status == (400 if "batch" in path else 200)


@pytest.mark.parametrize("path", DIALECTS)
def test_predictions_of_other_protocols_pass(proxy, path):
    assert ask(proxy, "POST", path, json.dumps(DIALECTS[path]), JSON).status == 200


def test_heads_of_other_protocols_reach_the_service(proxy):
    """Where raw tensors begin, and which model SageMaker means."""
    document = {
        "inputs": [
            {
                "name": "x",
                "shape": [1, 3],
                "datatype": "FP64",
                "parameters": {"binary_data_size": 24},
            }
        ]
    }
    head = json.dumps(document).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    raw = ask(proxy, "POST", "/v2/models/default/infer", head + struct.pack("<3d", 1, 2, 3), length)
    assert json.loads(raw.body)["outputs"][0]["data"] == [0]
    headers = JSON | {"X-Amzn-SageMaker-Target-Model": "fraud.tar.gz"}
    answer = ask(proxy, "POST", "/invocations", json.dumps(DIALECTS["/invocations"]), headers)
    assert (answer.status, answer.error["error"]) == (404, "There is no model 'fraud'")


def test_all_predictions_of_the_service_may_be_asked_for_again_and_nothing_else(empty_app):
    (pattern,) = re.findall(
        r"location ~ (\S+) \{\n *proxy_next_upstream .* non_idempotent;", SOURCE.read_text()
    )
    scopes = empty_app.extensions[ROUTE_TABLE].scopes
    rules = list(empty_app.url_map.iter_rules())
    predictions = {
        rule.rule for rule in rules if scopes.get(rule.endpoint) == PREDICT and "POST" in rule.methods
    }
    again = {rule.rule for rule in rules if re.match(pattern, re.sub("<[^>]*>", "x", rule.rule))}
    # An explanation is always 404.
    assert again == {path for path in predictions if not path.endswith(":explain")}


def test_request_id_is_the_same_in_both_logs_and_the_answer(proxy, replica):
    answer = ask(proxy, "POST", "/api/predict?key=secret", ROW, JSON | {"X-Request-ID": "order-7"})
    assert answer.headers["X-Request-ID"] == json.loads(answer.body)["request_id"] == "order-7"
    assert [line["status"] for line in logged(replica, "order-7")] == [200]
    (line,) = logged(proxy, "order-7")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/predict", "200")
    assert (line["replica"], line["client"]) == (f"127.0.0.1:{replica.port}", "127.0.0.1")
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize("given", ["with space", 'quo"te', "x" * 129, ""])
def test_request_id_that_is_not_sane_is_replaced(proxy, given):
    made = ask(proxy, headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert logged(proxy, made)[0]["event"] == "proxied"


FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    "X-Real-IP": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Port": "1",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_header_does_not_choose_the_address(proxy, replica, name):
    headers = {name: FORGED[name], "X-Request-ID": f"forged-{name}"}
    answer = ask(proxy, "POST", "/api/predict", ROW, JSON | headers, source="127.0.0.7")
    assert answer.status == 200
    assert [line["client"] for line in logged(replica, f"forged-{name}")] == ["127.0.0.7"]
    assert [line["client"] for line in logged(proxy, f"forged-{name}")] == ["127.0.0.7"]


def test_what_a_client_says_of_itself_does_not_reach_the_replica(tmp_path):
    with dying_replica() as (port, heard), nginx(tmp_path, port) as proxy:
        ask(proxy, headers=FORGED | {"Proxy": "http://evil.example"}, source="127.0.0.7")
        (head,) = {request.decode() for request in heard}
    names = [line.partition(":")[0].lower() for line in head.splitlines()[1:]]
    assert "evil" not in head
    assert "203.0.113" not in head
    assert "X-Forwarded-For: 127.0.0.7\r\n" in head
    assert "X-Forwarded-Proto: http\r\n" in head
    assert not {"forwarded", "proxy", "x-forwarded-host", "x-forwarded-prefix"} & set(names)


def test_long_answers_are_compressed_and_short_ones_not(proxy):
    body = json.dumps({"samples": [[1, 2, 3]] * 50})
    plain = ask(proxy, "POST", "/api/predict/batch", body, JSON)
    packed = ask(proxy, "POST", "/api/predict/batch", body, JSON | {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 4
    assert json.loads(gzip.decompress(packed.body))["count"] == 50
    short = ask(proxy, "POST", "/api/predict", ROW, JSON | {"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in short.headers


def test_cookies_of_eight_kilobytes_pass(proxy):
    answer = ask(proxy, "POST", "/api/predict", ROW, JSON | {"Cookie": "session=" + "c" * 8192})
    assert answer.status == 200


def test_body_at_the_limit_passes(proxy):
    answer = ask(proxy, "POST", "/api/predict", ROW.ljust(LIMIT), JSON)
    assert answer.status == 200


# --- what does not


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/api/models",
        "/api/models/",
        "/api/models/v1",
        "/api/models/v1/activate",
        "/api/models/rollback",
        "/api/models/routing",
        "/api/models/comparison",
        "/api/models/v1/predict/activate",
        "/api/models/v1/activate/predict",
        "/api//models/v1",
        "/api/./models/v1",
        "/api/x/../models/v1",
        "/api/models%2Fv1",
        "/api/%6dodels/v1/activate",
        "/api/models/fraud/predict/../activate",
        "/api/models/..",
        "/api/models/%2E./verify",
        "/api/models/../predict/../../health",
        "/api/models/..%2factivate",
        "/api/models/v1/activate/../../fraud/predict",
        "/api%2fmodels/%2e%2e",
        "http://x/api/models/..",
        "/api/models/v1/activate#/../../fraud/predict",
        "/api/models/v1/activate?/predict",
        "/models",
        "/models/churn",
        "/models%2Fchurn",
        "/models/churn/invoke/..",
        "/v2/repository/index",
        "/v2/repository/models/churn/load",
        "/v2/repository/models/churn/unload",
        "/v2%2Frepository/index",
        "/v2/models/x/../../repository/index",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_metrics_and_operators_routes_are_closed_to_the_outside(proxy, replica, path, method):
    name = f"closed-{abs(hash((path, method)))}"
    answer = sent(
        proxy,
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Request-ID: {name}\r\nContent-Length: 0\r\n\r\n".encode(),
    )
    assert (answer.status, answer.error["error_type"]) == (403, "permission_error")
    (line,) = logged(proxy, name)
    assert (line["method"], line["replica"]) == (method, "")
    assert line["path"] == re.split("[?#]", path.removeprefix("http://x"))[0]


OPERATORS = (
    "/metrics",
    "/api/models",
    "/api/models/v1",
    "/api/models/v1/activate",
    "/api/models/rollback",
    "/models/v1",
    "/v2/repository/index",
    "/v2/repository/models/fraud/load",
)
PIECES = ["/", "//", "/./", "/../", "/x/../", "/%2e%2e/", "/.%2E/", "%2f", "%2F..%2f", "/..;/", "#/", "?/"]


def spellings(path, dice):
    """Ways to write a path, or nearly it: other separators, letters in percent, upper case, more segments."""
    written = "".join(
        dice.choice([letter] * 40 + [f"%{ord(letter):02x}", f"%{ord(letter):02X}", letter.upper()])
        if letter != "/"
        else dice.choice(["/"] * 12 + PIECES)
        for letter in path
    )
    ends = ["", "", "/", "/.", "/..", "/../predict", "/x/../../f/predict", "/%2e%2e/predict", "%2f../predict"]
    yield f"{dice.choice(['', '', '', '/', 'http://x'])}{written}{dice.choice(ends)}"


def is_for_operators(app, target):
    """Whether the service would call an operator's route for this target of a request, or leads there."""
    path = unquote(re.split("[?#]", target.removeprefix("http://x"))[0])
    routes, scopes = app.url_map.bind("x"), app.extensions[ROUTE_TABLE].scopes
    for method in ("GET", "POST", "DELETE"):
        with suppress(HTTPException):
            try:
                endpoint = routes.match(path, method)[0]
            except RequestRedirect as elsewhere:
                return is_for_operators(app, elsewhere.new_url.removeprefix("http://x"))
            if scopes.get(endpoint, ADMIN) == ADMIN or endpoint == "metrics.metrics":
                return True
    return False


@pytest.mark.parametrize("seed", range(4))
def test_no_spelling_of_an_operators_route_passes(proxy, empty_app, seed):
    dice = Random(seed)
    written = {text for path in OPERATORS * 600 for text in spellings(path, dice)}
    forbidden = [target for target in sorted(written) if is_for_operators(empty_app, target)]
    assert len(forbidden) > 100
    for number, target in enumerate(forbidden):
        source = f"127.1.{seed}.{number % 200 + 1}"
        status = sent(proxy, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), source).status
        assert (target, status) == (target, 403 if target.startswith(("/", "http://x/")) else 400)


def test_answers_of_nginx_itself_have_the_services_headers(proxy):
    answer = ask(proxy, path="/metrics")
    assert {name: answer.headers[name] for name, _ in HEADERS} == dict(HEADERS)
    assert answer.headers["Server"] == "nginx"


def test_answers_of_the_service_keep_their_headers(proxy):
    headers = ask(proxy).headers
    assert {name: headers[name] for name, _ in HEADERS} == dict(HEADERS)


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_body_over_the_limit_is_refused(proxy, chunked):
    head = b"POST /api/predict HTTP/1.1\r\nHost: x\r\n"
    frame = b"%x\r\n" % (LIMIT + 1)
    data = (
        b"Transfer-Encoding: chunked\r\n\r\n" + frame
        if chunked
        else b"Content-Length: %d\r\n\r\n" % (LIMIT + 1)
    )
    answer = sent(proxy, head + data + b"x")
    assert (answer.status, answer.error["error_type"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("data", "status", "error_type"),
    [
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method_not_allowed"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "validation_error"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "validation_error"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "validation_error"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n", 400, "validation_error"),
        (b"nonsense\r\n\r\n", 400, "validation_error"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n", 501, "validation_error"),
    ],
)
def test_what_nginx_refuses_has_the_shape_of_the_services_errors(proxy, data, status, error_type):
    answer = sent(proxy, data)
    assert (answer.status, answer.error["error_type"]) == (status, error_type)


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/api/predict", 405)])
def test_what_the_service_refuses_passes_as_it_is(proxy, replica, path, status):
    answer = ask(proxy, "GET", path)
    assert answer.status == status
    assert answer.error["error"]
    assert [line["status"] for line in logged(replica, answer.headers["X-Request-ID"])] == [status]


# --- replicas that die

OPEN = SOURCE.read_text().replace("# allow 10.0.0.0/8;", "allow 127.0.0.0/8;")


@contextmanager
def dying_replica():
    """Hangs up on every request once it has read it: the port, and the requests."""
    heard = []

    def serve(listener):
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    heard.append(connection.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def until_heard(heard, request):
    """Send requests, numbered, until the dying replica gets one; returns all answers."""
    answers = []
    for number in count():
        before = len(heard)
        answers.append(request(number))
        if len(heard) > before:
            return answers
    return answers


@pytest.mark.parametrize("path", [*PREDICTIONS, *DIALECTS])
def test_prediction_that_a_replica_died_over_is_made_by_another(replica, tmp_path, path):
    with dying_replica() as (port, heard), nginx(tmp_path, port, replica.port) as proxy:
        body = json.dumps(DIALECTS[path]) if path in DIALECTS else ROW
        answers = until_heard(heard, lambda _: ask(proxy, "POST", path, body, JSON))
    assert {answer.status for answer in answers} <= {200, 400, 404}  # the real replica's


@pytest.mark.parametrize(
    "path",
    [
        "/api/models/v1/activate",
        "/api/models/rollback",
        "/models",
        "/v2/repository/models/default/load",
        "/elsewhere",
    ],
)
def test_nothing_else_is_done_twice(replica, tmp_path, path):
    with dying_replica() as (port, heard), nginx(tmp_path, port, replica.port, text=OPEN) as proxy:
        answer = until_heard(heard, lambda n: ask(proxy, "POST", path, "{}", {"X-Request-ID": f"once-{n}"}))[
            -1
        ]
        assert (answer.status, answer.error["error_type"]) == (502, "model_error")
        assert answer.headers["Retry-After"] == "1"
        (line,) = logged(proxy, answer.headers["X-Request-ID"])
    assert line["replica"] == f"127.0.0.1:{port}"
    assert len(heard) == 1


@pytest.mark.parametrize("path", ["/api/predict", "/api/models/rollback"])
def test_replica_that_is_gone_is_passed_over(replica, tmp_path, path):
    with nginx(tmp_path, free_port(), replica.port, text=OPEN) as proxy:
        assert {ask(proxy, "POST", path, ROW, JSON).status for _ in range(6)} <= {200, 409}


def test_without_any_replica_callers_are_told_to_come_back(tmp_path):
    with nginx(tmp_path, free_port()) as proxy:
        answer = ask(proxy, "POST", "/api/predict", ROW, JSON)
    assert (answer.status, answer.error["error_type"]) == (502, "model_error")
    assert answer.headers["Retry-After"] == "1"


def test_other_replicas_are_taken_up_without_an_error(replica, tmp_path):
    with nginx(tmp_path, free_port()) as proxy:
        proxy.follow(replica.port)
        assert ask(proxy, "POST", "/api/predict", ROW, JSON).status == 200
