from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from benchmarks.pace import paced


class Counter(BaseHTTPRequestHandler):
    """Answers 200 to all but every tenth request, which is 500."""

    protocol_version = "HTTP/1.1"
    bodies: ClassVar[list] = []

    def do_POST(self):
        self.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if len(self.bodies) % 10 == 0 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counter)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api/predict"
    server.shutdown()
    server.server_close()


def test_as_many_requests_are_sent_as_the_rate_says_and_failures_are_counted(url):
    load = paced(url, b"[1]", rate=200, seconds=0.5, connections=4)
    assert Counter.bodies == [("/api/predict", b"[1]")] * 100
    assert (load.requests, load.failures) == (100, 10)
    assert 0 < load.p50_ms <= load.p99_ms
