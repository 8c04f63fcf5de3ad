"""A service in a thread whose answers a test sets, and which remembers what it was asked."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple


class Request(NamedTuple):
    """What a client sent; ``client`` is its end of the connection."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    client: tuple[str, int]

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer, or with ``raw`` its bytes; ``closes``: the connection ends after it, unannounced.

    ``held``: it waits until the service stops; ``drips``: its body comes byte by byte until then.
    """

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    closes: bool = False
    held: bool = False
    drips: bool = False

    def encode(self) -> bytes:
        """Its bytes."""
        if self.raw is not None:
            return self.raw
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 {self.status} Reason\r\n{head}\r\n".encode() + body


SILENCE = Reply(raw=b"", closes=True)  # the connection is closed without an answer


def error(status: int, error_type: str, details: object = None, **headers: str) -> Reply:
    """An error in the service's shape."""
    document = {"error": "No", "error_type": error_type, "details": details or {}, "request_id": "r1"}
    return Reply(status, document, {name.replace("_", "-"): value for name, value in headers.items()})


def sums(request: Request) -> Reply:
    """The prediction of one row: the sum of its values."""
    values = request.document["features"] if request.body else [0]
    values = values.values() if isinstance(values, dict) else values
    total = sum(value or 0 for value in values)
    request_id = request.headers.get("X-Request-ID", "made")
    return Reply(
        document={"result": {"prediction": total}, "model_version": "v1", "request_id": request_id},
        headers={"X-Request-ID": request_id},
    )


class FakeService:
    """Gives the ``replies`` in turn, and then `sums`."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.stopped = Event()
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{self.port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def reply(self, request: Request) -> Reply:
        """The answer to a request."""
        with self._lock:
            self.requests.append(request)
            return self.replies.pop(0) if self.replies else sums(request)

    def close(self) -> None:
        """Stop it."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path, self.headers, body, self.client_address)
                reply = service.reply(request)
                if reply.held:
                    service.stopped.wait()
                head, _, body = reply.encode().partition(b"\r\n\r\n" if reply.drips else b"never")
                self.wfile.write(head + b"\r\n\r\n" * reply.drips)
                for byte in body:
                    if service.stopped.wait(0.01):
                        break
                    self.wfile.write(bytes([byte]))
                self.close_connection = self.close_connection or reply.closes or reply.held

            do_GET = do_POST = answer  # noqa: N815 # names that the standard library calls

            def log_message(self, *_: object) -> None:
                pass

        return Handler
