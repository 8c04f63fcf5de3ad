"""A small application under gunicorn, on a port of its own."""

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
    """One worker process; the socket listens before there is one, so nobody has to wait for it.

    :param text: the module ``application``.
    :param configuration: lines more for the hook that is called when the worker is made.
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
