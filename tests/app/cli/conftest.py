"""A running service whose answers a test writes down."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from app.cli.replay.targets import RunningService


@pytest.fixture
def service():
    """A service that answers with what ``answers`` has for the next requests, which it keeps."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append((self.path, self.headers.get("X-API-Key"), json.loads(body)))
            status, headers, content = server.answers.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(content)}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    def connect(path="", **options):
        target = RunningService(f"{server.url}{path}", **options)
        server.targets.append(target)
        return target

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.answers, server.targets, server.connect = [], [], [], connect
        server.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        for target in server.targets:
            target.close()
        server.shutdown()
