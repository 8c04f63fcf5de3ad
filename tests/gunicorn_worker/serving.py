"""Runs small applications under gunicorn, each on a port of its own."""

import http.client
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

from tests.services import start

PATIENCE = 20.0
SETTINGS = """
def post_worker_init(worker):
    worker.is_administrative = lambda path: path.startswith("/api/models/")
"""
PROMPT = "gunicorn_worker.worker.PromptWorker"
SOON = 4.0  # s: far more than an answer takes, far less than any slow client is waited for

APPLICATION = """
import json, os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read()
    if path == "/large":
        body = b"x" * 8_000_000
    elif path == "/fail":
        raise RuntimeError
    elif path == "/work":
        time.sleep(0.006)
    elif path == "/slow":
        time.sleep(0.03)
    elif path == "/hang":
        time.sleep(60)
    elif path == "/api/models/v1/wait":
        time.sleep(5)
    elif path == "/environ":
        body = json.dumps({name: value for name, value in environ.items() if isinstance(value, str)}).encode()
    elif path == "/pid":
        body = str(os.getpid()).encode()
    elif path == "/pieces":
        start_response("200 OK", [])
        return iter([b"one", b"two"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
CHUNKED_LARGE = b"POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"


class Server:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def connect(self, data=b""):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(data)
        return connection

    def ask(self, method="POST", path="/", body=b"good", timeout=PATIENCE, **headers):
        """Status and body of one call on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()


@contextmanager
def serving(text, folder, *options, configuration="", application="application:app", worker_class=PROMPT):
    """One worker process, whose socket listens before the process starts, so that no test waits for it.

    :param text: the module ``application``.
    :param configuration: more lines of the hook ``post_worker_init``.
    """
    (folder / "application.py").write_text(text)
    settings = folder / "settings.py"
    settings.write_text(SETTINGS + configuration)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = start(
            [
                *(sys.executable, "-m", "gunicorn", "--config", str(settings), "--chdir", str(folder)),
                *("--worker-class", worker_class, "--workers", "1", "--threads", "4"),
                *("--keep-alive", "75", "--no-control-socket", "--bind", f"fd://{listener.fileno()}"),
                *(*options, application),
            ],
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        yield Server(process, port)
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def running(folder, *options, application="application:app"):
    """The application under one `PromptWorker`."""
    with serving(APPLICATION, folder, *options, application=application) as server:
        yield server
