"""Runs small applications under gunicorn, each on a port of its own."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

from tests.services import require_command, start

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
    """A server at a port or at the path of a Unix socket.

    :param context: of the clients, if it speaks TLS.
    :param preface: what each connection begins with.
    """

    def __init__(self, process, address, *, context=None, preface=b""):
        self.process = process
        self.address = address
        self.context = context
        self.preface = preface

    @property
    def port(self):
        return self.address[1]

    def connect(self, data=b""):
        connection = self.reach()
        if self.context:
            connection = self.context.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(self.preface + data)
        return connection

    def reach(self):
        """A connection on which nothing has been sent, not even a handshake."""
        connection = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(self.address)
        except OSError:
            connection.close()
            raise
        return connection

    def ask(self, method="POST", path="/", body=b"good", timeout=PATIENCE, **headers):
        """Status and body of one call on a connection of its own."""
        with closing(http.client.HTTPConnection("localhost")) as connection:
            connection.sock = self.connect()
            connection.sock.settimeout(timeout)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()


def listening(path=None):
    """A socket that listens at a path, or else at a port."""
    if path is None:
        return socket.create_server(("127.0.0.1", 0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1000)
    return listener


@contextmanager
def serving(
    text,
    folder,
    *options,
    configuration="",
    application="application:app",
    worker_class=PROMPT,
    socket_path=None,
    **reaching,
):
    """One worker process, whose socket listens before the process starts, so that no test waits for it.

    :param text: the module ``application``.
    :param configuration: more lines of the hook ``post_worker_init``.
    :param socket_path: of a Unix socket, instead of a port.
    :param reaching: how clients reach it; see `Server`.
    """
    (folder / "application.py").write_text(text)
    settings = folder / "settings.py"
    settings.write_text(SETTINGS + configuration)
    with listening(socket_path) as listener:
        address = listener.getsockname()
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
        yield Server(process, address, **reaching)
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def running(folder, *options, **settings):
    """The application under one `PromptWorker`."""
    with serving(APPLICATION, folder, *options, **settings) as server:
        yield server


CARRIERS = ("TLS", "Unix socket", "proxy protocol")


@contextmanager
def carried(carrier, folder, *options, text=APPLICATION, **settings):
    """An application whose requests come over one of `CARRIERS`."""
    if carrier == "TLS":
        key, certificate = make_certificate(folder)
        options = (*options, "--keyfile", str(key), "--certfile", str(certificate))
        settings["context"] = ssl.create_default_context(cafile=str(certificate))
    elif carrier == "Unix socket":
        settings["socket_path"] = folder / "socket"
    else:
        options = (*options, "--proxy-protocol", "auto")
        settings["preface"] = b"PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n"
    with serving(text, folder, *options, **settings) as server:
        yield server


def make_certificate(folder):
    """The files of a new key and its certificate, which names localhost."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        [require_command("openssl"), *made, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return key, certificate
