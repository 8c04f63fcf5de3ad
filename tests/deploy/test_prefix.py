"""The service below a path of somebody's nginx, as docs/deployment.md shows it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from tests.deploy.asking import JSON, ROW, ask, logged, sent
from tests.nginx import Nginx, command, nginx
from tests.services import PATIENCE, environment, free_port, start, wait_until
from tests.settings import ROOT
from tests.test_server_options import listens

pytestmark = pytest.mark.server

DOCUMENT = (ROOT / "docs" / "deployment.md").read_text()
(SNIPPET,) = re.findall(r"```nginx\n(location /ml/ .*?)```", DOCUMENT, re.DOTALL)


@contextmanager
def below_a_path(folder, port, snippet=SNIPPET):
    """Somebody's nginx with the snippet in it, for the service on that port."""
    own = free_port()
    folder.mkdir(exist_ok=True)
    assert "127.0.0.1:8080" in snippet
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
    paths += " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid; error_log /dev/stderr; events {{}}\n"
        f"http {{ {paths} access_log off; server {{ listen 127.0.0.1:{own};\n"
        f"{snippet.replace('127.0.0.1:8080', f'127.0.0.1:{port}')} }} }}\n"
    )
    with (folder / "nginx.log").open("ab") as log:
        process = subprocess.Popen(command(folder), stdout=log, stderr=log)
    outer = Nginx(own, process, folder / "nginx.log")
    try:
        wait_until(outer.listens)
        yield outer
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module", params=["the service", "its own nginx"])
def outer(request, replica, tmp_path_factory):
    """Somebody's nginx before the service, or before the whole of docker-compose.yml."""
    folder = tmp_path_factory.mktemp("prefix")
    if request.param == "the service":
        with below_a_path(folder, replica.port) as outer:
            yield outer
        return
    trusted = "127.0.0.1,10.0.0.0/8"
    with (
        nginx(folder / "own", replica.port, NGINX_TRUSTED_PROXIES=trusted) as own,
        below_a_path(folder, own.port) as outer,
    ):
        yield outer


def test_service_answers_below_the_path(outer):
    answer = ask(outer, "POST", "/ml/api/predict", ROW, JSON)
    assert (answer.status, json.loads(answer.body)["success"]) == (200, True)
    assert ask(outer, path="/ml/api/health/ready").status == 200
    assert ask(outer, path="/ml/nowhere").error["error_type"] == "not_found"
    assert ask(outer, path="/api/health").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/ml",
        "/ml/",
        "/ml//api/predict",
        "/ml/api//predict",
        "/ml/api/predict/",
        "/ml/api/./predict",
        "/ml//evil.example/api/predict",
        "/ml/api/models/",
        "/ml/metrics/",
        "/ml/ml/api/predict",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer_points_outside_the_path(outer, path, method):
    answer = sent(outer, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    target = urlsplit(answer.headers.get("Location", "/ml/"))
    assert target.path.startswith("/ml/")
    assert target.hostname in {None, "x"}
    with suppress(json.JSONDecodeError):
        assert "127.0.0.1" not in json.dumps(json.loads(answer.body))


def test_the_client_is_the_callers_address(outer, replica):
    headers = JSON | {"X-Request-ID": f"prefix-{outer.port}", "X-Forwarded-For": "203.0.113.9"}
    assert ask(outer, "POST", "/ml/api/predict", ROW, headers, source="127.0.0.40").status == 200
    assert [line["client"] for line in logged(replica, f"prefix-{outer.port}")] == ["127.0.0.40"]


def test_service_answers_below_a_path_that_the_proxy_keeps(replica, tmp_path):
    """With the setting, and the same snippet without the slash that takes the path off."""
    port = free_port()
    variables = {"APP_ENV": "testing", "WORKERS": 1, "PORT": port, "SCRIPT_NAME": "/ml"}
    models = replica.output.parent / "models"
    command = [sys.executable, "-m", "gunicorn", "run:app"]
    process = start(command, cwd=ROOT, env=environment(MODELS_DIR=models, **variables))
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        with below_a_path(tmp_path / "nginx", port, SNIPPET.replace(":8080/;", ":8080;")) as outer:
            assert ask(outer, "POST", "/ml/api/predict", ROW, JSON).status == 200
            assert ask(outer, path="/ml/metrics").status == 200
            assert ask(outer, path="/ml/nowhere").error["error_type"] == "not_found"
            assert ask(outer, path="/mlapi/health").status == 404
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def test_proxy_that_nobody_trusts_says_nothing_of_the_client(replica, tmp_path):
    headers = JSON | {"X-Request-ID": "untrusted", "X-Forwarded-For": "203.0.113.9"}
    with nginx(tmp_path, replica.port, NGINX_TRUSTED_PROXIES="10.0.0.0/8") as own:
        assert ask(own, "POST", "/api/predict", ROW, headers).status == 200
    assert [line["client"] for line in logged(replica, "untrusted")] == ["127.0.0.1"]
