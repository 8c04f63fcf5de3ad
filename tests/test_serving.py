"""The service as a process: gunicorn, Flask's own server, and make."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from tests import settings
from tests.services import PATIENCE, environment, free_port, require_command

pytestmark = pytest.mark.server

GUNICORN = (sys.executable, "-m", "gunicorn", "run:app")
DEVELOPMENT = (sys.executable, "run.py")


class Server:
    """A server process and what it has said so far."""

    def __init__(self, process, address):
        self.process = process
        self.address = address
        self.lines = []

    def wait_for(self, text):
        """Read on until a line holds ``text``; a process that ends or hangs before fails the test."""
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return
        pytest.fail(f"the server never said {text!r} but:\n{''.join(self.lines)}")


@contextmanager
def running(command, **variables):
    """The server in a process group of its own, ended with its children, and without draining first."""
    port = free_port()
    process = subprocess.Popen(
        command,
        cwd=settings.ROOT,
        env=environment(PORT=port, WORKERS=1, DRAIN_SECONDS=0, PYTHONUNBUFFERED=1, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    watchdog = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.start()
    try:
        yield Server(process, f"http://127.0.0.1:{port}")
    finally:
        watchdog.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.stdout.read()
        process.stdout.close()
        process.wait(PATIENCE)


def get(server, path):
    return requests.get(server.address + path, timeout=PATIENCE)


def post(server, path, document):
    return requests.post(server.address + path, json=document, timeout=PATIENCE)


@pytest.fixture(scope="module")
def production(trained_dir):
    """gunicorn, serving what was trained."""
    with running(
        GUNICORN,
        MODELS_DIR=trained_dir,
        APP_ENV="production",
        AUTH_DISABLED="true",
        LOG_FORMAT="console",
        MAX_CONTENT_LENGTH=10_000,
    ) as server:
        server.wait_for("curl ")
        server.wait_for("-d '")
        yield server


def test_gunicorn_says_where_it_serves(production):
    assert f"  Serving on {production.address}\n" in production.lines


def test_gunicorn_serves_the_active_version(production):
    health = get(production, "/api/health")
    assert (health.status_code, health.json()["model_version"]) == (200, "synthetic")
    answer = post(production, "/api/predict", {"features": [0.5] * 20})
    assert answer.status_code == 200
    assert answer.json()["result"]["prediction"] in {0, 1, 2}


def test_gunicorn_prints_a_request_that_works(production):
    curl = require_command("curl")
    command = "".join(production.lines[-2:]).strip().replace("curl", f"{curl} -s", 1)
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["success"] is True


@pytest.mark.parametrize(("size", "status"), [(10_000, 400), (10_001, 413), (1_000_000, 413)])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_body_over_the_limit_is_refused(production, size, status, chunked):
    body = b"[" * size
    response = requests.post(
        f"{production.address}/api/predict",
        data=(body[start : start + 1000] for start in range(0, size, 1000)) if chunked else body,
        headers={"Content-Type": "application/json"},
        timeout=PATIENCE,
    )
    assert response.status_code == status


def test_gunicorn_serves_several_callers_at_once(production):
    def ask(number):
        row = [float(number)] * 20
        return post(production, "/api/predict", {"features": row, "request_id": f"call-{number}"}).json()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(40)))
    assert [answer["request_id"] for answer in answers] == [f"call-{number}" for number in range(40)]


def test_gunicorn_ends_in_order(trained_dir):
    with running(GUNICORN, MODELS_DIR=trained_dir, APP_ENV="production", AUTH_DISABLED="true") as server:
        server.wait_for("model loaded")
        assert get(server, "/api/health/ready").status_code == 200
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0


def test_gunicorn_without_a_model_answers_503_and_says_why(tmp_path):
    with running(GUNICORN, MODELS_DIR=tmp_path, APP_ENV="production", AUTH_DISABLED="true") as server:
        server.wait_for("no model to serve")
        assert get(server, "/api/health").status_code == 503
        assert get(server, "/api/health/live").status_code == 200
        assert post(server, "/api/predict", {"features": [1]}).json()["error_type"] == "model_error"


def test_python_run_py_starts_the_development_server(trained_dir):
    with running(DEVELOPMENT, MODELS_DIR=trained_dir, DEBUG="false") as server:
        server.wait_for("Running on")
        assert server.address in server.lines[-1]
        assert get(server, "/api/health").json()["model_version"] == "synthetic"
        assert get(server, "/console").status_code == 404


@pytest.mark.parametrize("command", [GUNICORN, DEVELOPMENT], ids=["gunicorn", "run.py"])
def test_wrong_setting_stops_the_start_in_one_line(command):
    result = subprocess.run(
        command,
        cwd=settings.ROOT,
        env=environment(PORT="abc"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode != 0
    assert "Wrong configuration: PORT='abc': Not a valid integer." in result.stderr
    assert "Traceback" not in result.stderr


def test_production_does_not_start_with_the_debugger():
    variables = environment(APP_ENV="production", DEBUG="true")
    result = subprocess.run(
        GUNICORN, cwd=settings.ROOT, env=variables, capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode != 0
    assert "Wrong configuration: DEBUG=true" in result.stderr


# --- make


@pytest.fixture
def checkout(tmp_path):
    """As much of a checkout as make looks at, and a function that says what make would do in it."""
    make = require_command("make")
    for path in (settings.ROOT / "Makefile", *settings.ROOT.glob("requirements*.txt")):
        (tmp_path / path.name).write_bytes(path.read_bytes())

    def plan(target):
        return subprocess.run(
            [make, "--dry-run", target], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    return tmp_path, plan


def installed(folder, *stamps):
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", *stamps):
        (folder / ".venv" / name).touch()


def test_first_make_run_installs_trains_and_serves(checkout):
    _, plan = checkout
    steps = plan("run")
    order = [
        steps.index(word)
        for word in (
            "-m venv .venv",
            "-r requirements.txt",
            "-r requirements-explain.txt",
            "train_model.py --if-empty",
            "gunicorn run:app",
        )
    ]
    assert order == sorted(order)
    assert "requirements-dev.txt" not in steps


def test_second_make_run_installs_nothing(checkout):
    folder, plan = checkout
    installed(folder, "installed", "installed-explain")
    steps = plan("run")
    assert "pip" not in steps
    assert "venv .venv" not in steps
    assert "gunicorn run:app" in steps


def test_changed_requirements_are_installed(checkout):
    folder, plan = checkout
    installed(folder, "installed", "installed-explain")
    later = (folder / ".venv" / "installed").stat().st_mtime + 10
    os.utime(folder / "requirements.txt", (later, later))
    assert "pip install" in plan("run")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("test", ["requirements-dev.txt", "pytest"]),
        ("check", ["ruff format --check", "ruff check", "mypy", "pytest"]),
        ("train", ["train_model.py"]),
    ],
)
def test_make_targets_do_what_they_say(checkout, target, words):
    _, plan = checkout
    steps = plan(target)
    assert all(word in steps for word in words)


def test_make_without_a_target_is_help(checkout):
    _, plan = checkout
    assert plan("help") == plan("--always-make")
