"""gunicorn's own options: each works with the service, or is refused by name."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys

import pytest

from app.models.repository.store import ModelStore
from gunicorn_worker.options.values import WORKER
from tests import settings
from tests.gunicorn_worker.serving import make_certificate
from tests.services import PATIENCE, environment, free_port, gunicorn, wait_until

pytestmark = pytest.mark.server

BODY = json.dumps({"features": [0.5] * 20})
PREDICT = (
    b"POST /api/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(BODY)
) + BODY.encode()


def serving(directory, models, options, **variables):
    """The service under gunicorn with these options, as an operator may give them in the environment."""
    return gunicorn(directory, MODELS_DIR=models, WORKERS=1, GUNICORN_CMD_ARGS=options, **variables)


def predict(service):
    return service.ask("POST", "/api/predict", BODY, {"Content-Type": "application/json"})[0]


def ask(connection, request=PREDICT):
    """Status and body of the answer on a connection that is then closed."""
    with connection:
        connection.settimeout(PATIENCE)
        connection.sendall(request.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:"))
        received = b"".join(iter(lambda: connection.recv(100_000), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    "options",
    [
        "--threads 1 --keep-alive 0 --timeout 0 --max-requests 2 --max-requests-jitter 1 --no-sendfile",
        "--reload --reuse-port --backlog 5 --access-logfile - --capture-output --graceful-timeout 3",
        "--worker-tmp-dir /dev/shm --umask 077 --limit-request-line 1000 --limit-request-fields 20"
        " --limit-request-field_size 2000",
    ],
)
def test_options_work(trained_dir, tmp_path, options):
    with serving(tmp_path, trained_dir, options) as service:
        assert [predict(service) for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("worker_class", ["gthread", "sync"])
def test_other_worker_classes_follow_activations(trained_dir, tmp_path, worker_class):
    """What another process activates is served by them too."""
    models = shutil.copytree(trained_dir, tmp_path / "models")
    ModelStore(models).activate("wine")
    with serving(tmp_path, models, f"-k {worker_class}") as service:
        assert predict(service) == 400
        ModelStore(models).activate("synthetic")
        wait_until(lambda: predict(service) == 200)


def test_proxy_protocol_tells_the_address(trained_dir, tmp_path):
    port = free_port()
    options = f"--proxy-protocol v1 --bind 127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "run:app"]
    variables = environment(
        MODELS_DIR=trained_dir, WORKERS=1, PORT=port, APP_ENV="testing", GUNICORN_CMD_ARGS=options
    )
    with subprocess.Popen(
        command, cwd=settings.ROOT, env=variables, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            wait_until(lambda: process.poll() is not None or listens(port))
            connection = socket.create_connection(("127.0.0.1", port))
            assert ask(connection, b"PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n" + PREDICT)[0] == 200
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            said = process.stdout.read()
    assert '"client":"203.0.113.7"' in said


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_tls_of_gunicorn_works(trained_dir, tmp_path):
    key, certificate = make_certificate(tmp_path)
    port = free_port()
    variables = environment(MODELS_DIR=trained_dir, WORKERS=1, PORT=port, APP_ENV="testing")
    command = [sys.executable, "-m", "gunicorn", "--certfile", certificate, "--keyfile", key, "run:app"]
    context = ssl.create_default_context(cafile=str(certificate))

    def connect():
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        return context.wrap_socket(plain, server_hostname="localhost")

    with subprocess.Popen(command, cwd=settings.ROOT, env=variables, start_new_session=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or listens(port))
            with socket.create_connection(("127.0.0.1", port)):  # who says nothing holds nobody up
                assert [ask(connect())[0] for _ in range(5)] == [200] * 5
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        (
            {"JWT_PUBLIC_KEY": "x", "JWT_ALGORITHM": "RS256", "JWT_AUDIENCE": "a", "JWT_ISSUER": "b"},
            "JWT_PUBLIC_KEY",
        ),
        ({"API_KEYS_FILE": "/tmp", "API_KEY_PEPPER": "a-pepper-of-these-tests-91b2"}, "API_KEYS_FILE"),
        ({"PROMETHEUS_MULTIPROC_DIR": "/dev/null"}, "PROMETHEUS_MULTIPROC_DIR"),
        ({"MODEL_ENGINE": "onyx"}, "MODEL_ENGINE='onyx': Must be one of: auto, sklearn, onnx."),
        ({"SCRIPT_NAME": "ml"}, "SCRIPT_NAME"),
    ],
)
def test_wrong_setting_stops_the_start_wherever_it_is_seen(tmp_path, variables, named):
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "run:app"],
        cwd=settings.ROOT,
        env=environment(MODELS_DIR=tmp_path, WORKERS=1, PORT=free_port(), **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode != 0
    assert result.stderr.count(f"Wrong configuration: {named}") == 1


@pytest.mark.parametrize(
    "options",
    [
        "--preload",
        "--worker-class gevent",
        "--logger-class gunicorn.glogging.Logger",
        "--bind 127.0.0.1:99999",
        "--timeout -1",
        "--chdir /dev/null",
    ],
)
def test_refused_option_stops_the_start_in_a_line(tmp_path, options):
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", *options.split(), "run:app"],
        cwd=settings.ROOT,
        env=environment(MODELS_DIR=tmp_path, WORKERS=1, PORT=free_port()),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode != 0
    assert result.stderr.startswith(f"Wrong configuration: {options.split()[0]}")
    assert len(result.stderr.splitlines()) == 1


def test_reload_goes_on_whatever_became_of_what_the_options_name(trained_dir, tmp_path):
    """Options are judged at the start; a server that serves does not end because a folder is gone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    port = free_port()
    options = f"--pythonpath {folder} --bind 127.0.0.1:{port}"
    with serving(tmp_path, trained_dir, options, PORT=port) as service:
        before = service.workers()
        folder.rmdir()
        service.process.send_signal(signal.SIGHUP)
        service.wait_until(lambda: service.workers() and not set(before) & set(service.workers()))
        service.wait_until(lambda: predict(service) == 200)


# --- what gunicorn answers itself

LONG = b"x" * 20_000
REFUSED = {
    "no HTTP": (b"nonsense\r\n\r\n", 400, "validation_error"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "validation_error"),
    "another version": (b"GET /api/health HTTP/3.0\r\nHost: x\r\n\r\n", 400, "validation_error"),
    "no header": (b"GET /api/health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "validation_error"),
    "two lengths": (PREDICT.replace(b"\r\n", b"\r\nContent-Length: 1\r\n", 1), 400, "validation_error"),
    "long address": (b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "validation_error"),
    "long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + LONG + b"\r\n\r\n", 431, "validation_error"),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431, "validation_error"),
    "coding": (b"POST / HTTP/1.1\r\nTransfer-Encoding: gibberish\r\n\r\n", 501, "validation_error"),
    "expectation": (b"POST / HTTP/1.1\r\nExpect: miracles\r\n\r\n", 417, "validation_error"),
}


@pytest.fixture(scope="module", params=[WORKER, "gthread"])
def server(request, trained_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, trained_dir, f"-k {request.param}") as service:
        yield service


def series(server):
    """The counters of requests by route, method and status, and those of refusals."""
    _, text = ask(connect(server), b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    lines = [line.rpartition(" ") for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


@pytest.mark.parametrize(("request_", "status", "error_type"), REFUSED.values(), ids=REFUSED)
def test_what_gunicorn_refuses_is_answered_and_counted_as_by_the_service(
    server, request_, status, error_type
):
    name = f'http_requests_total{{method="other",route="unmatched",status="{status}"}}'
    before = series(server)
    with connect(server) as connection:
        connection.sendall(request_)
        received = b"".join(iter(lambda: connection.recv(100_000), b""))
    head, _, body = received.decode().partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    document = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert document == {
        "error": document["error"],
        "error_type": error_type,
        "details": {},
        "request_id": headers["X-Request-ID"],
    }
    assert document["error"]
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    after = series(server)
    assert after.get(name, 0) - before.get(name, 0) == 1
    refused = 'requests_refused_total{reason="other"}'
    assert after[refused] - before.get(refused, 0) == 1


def test_cookies_of_eight_kilobytes_pass(server):
    cookie = b"\r\nCookie: session=" + b"c" * 8192
    assert ask(connect(server), PREDICT.replace(b"\r\nHost: x", b"\r\nHost: x" + cookie))[0] == 200
