"""Who may say what the scheme, the prefix and the client are: settings, and nobody on any kind of socket."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from app import create_app
from gunicorn_worker.options.values import WORKER
from tests import settings
from tests.conftest import configuration
from tests.services import PATIENCE, environment, free_port, gunicorn, wait_until
from tests.test_server_options import BODY, PREDICT, ask, listens

pytestmark = pytest.mark.server

CLASSES = [WORKER, "gthread", "sync"]


def on_socket(path, request):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return ask(connection, request)


@pytest.fixture(scope="module", params=CLASSES, ids=["own", "gthread", "sync"])
def path(request, trained_dir, tmp_path_factory):
    """A Unix socket of the service."""
    folder = tmp_path_factory.mktemp("socket")
    port = free_port()
    options = f"-k {request.param} --bind unix:{folder / 'socket'} --bind 127.0.0.1:{port}"
    variables = {"MODELS_DIR": trained_dir, "WORKERS": 1, "PORT": port, "GUNICORN_CMD_ARGS": options}
    with gunicorn(folder, **variables):
        yield folder / "socket"


def test_unix_socket_works(path):
    assert on_socket(path, PREDICT)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        b"SCRIPT_NAME: /x",
        b"Script_Name: /x",
        b"X-Forwarded-Prefix: /x",
        b"SCRIPT_NAME: /x\r\nX-Forwarded-Proto: https",
    ],
)
def test_client_on_a_unix_socket_sets_no_prefix(path, headers):
    request = b"GET /x/api/health/live HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n"
    assert on_socket(path, request % headers)[0] == 404
    assert on_socket(path, request.replace(b"/x/api", b"/api") % headers)[0] == 200


@pytest.mark.parametrize("name", [b"X-Forwarded-Proto", b"X-Forwarded-Protocol"])
def test_client_on_a_unix_socket_sets_no_scheme(path, name):
    """gunicorn refuses contradictions of those that it trusts."""
    twice = (
        b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n%b: https\r\n%b: http\r\nX-Forwarded-Ssl: on\r\n\r\n"
    )
    assert on_socket(path, twice % (name, name))[0] == 200
    on = b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n%b: https\r\nX-Forwarded-Ssl: off\r\n\r\n" % name
    assert on_socket(path, on)[0] == 200


@pytest.fixture(scope="module")
def below(trained_dir):
    """The port of a service below /ml."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "run:app"]
    variables = environment(
        MODELS_DIR=trained_dir,
        WORKERS=1,
        PORT=port,
        APP_ENV="testing",
        SCRIPT_NAME="/ml",
    )
    with subprocess.Popen(command, cwd=settings.ROOT, env=variables, start_new_session=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or listens(port))
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def answer(port, path):
    request = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path
    status, body = ask(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE), request)
    return status, json.loads(body).get("error_type") if body.startswith(b"{") else None


def test_routes_are_below_the_prefix(below):
    assert answer(below, b"/ml/api/health/live") == (200, None)
    assert answer(below, b"/ml/metrics")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/api/health/live",
        b"/mlapi/health/live",
        b"/mlapi/models",
        b"/mlmetrics",
        b"/ml.metrics",
        b"/",
    ],
)
def test_address_outside_of_the_prefix_is_not_found(below, path):
    assert answer(below, path) == (404, "not_found")


def test_word_that_begins_like_the_prefix_reaches_no_route(trained_dir):
    """Nor is it exempt from limits, as a probe is."""
    body = BODY.encode()
    app = create_app(configuration(trained_dir, RATE_LIMIT="3/minute", WORKERS=1))
    client = app.test_client()
    for path, method in [("api/health", "GET"), ("api/models", "GET"), ("api/predict", "POST")]:
        environ = {"PATH_INFO": path, "SCRIPT_NAME": "/ml"}
        found = client.open(method=method, data=body, environ_overrides=environ)
        assert (found.status_code, found.get_json()["error_type"]) == (404, "not_found")
    environ = {"PATH_INFO": "api/health/live", "SCRIPT_NAME": "/ml"}
    assert client.get(environ_overrides=environ).status_code == 429
