"""A fake service with a client of it, and the app itself behind a client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from model_service_client import Client
from model_service_client.transport import Transport
from tests.client.fake_service import FakeService


@pytest.fixture
def fake() -> Iterator[FakeService]:
    service = FakeService()
    yield service
    service.close()


class Pauses(list[float]):
    """A clock that only pauses move, and all of these."""

    def clock(self) -> float:
        """Seconds."""
        return sum(self)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def transport(fake: FakeService, pauses: Pauses) -> Iterator[Transport]:
    """A transport to the fake service whose pauses take no time."""
    made = Transport(fake.url, headers={}, timeout=30.0, retries=10, clock=pauses.clock, pause=pauses.append)
    yield made
    made.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Make clients that are closed after the test."""
    with ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(Client(url, **options))


@pytest.fixture
def remote(fake: FakeService, connect: Callable[..., Client]) -> Client:
    """A client of the fake service."""
    return connect(fake.url)


@pytest.fixture
def serve_over_http(
    serve: Callable[..., FlaskClient], connect: Callable[..., Client]
) -> Iterator[Callable[..., Client]]:
    """Serve a model by the app in a thread; returns a client over HTTP. See `serve`."""
    with ExitStack() as stack:

        def serve_over_http(model: Any, **options: Any) -> Client:
            app = serve(model, LOG_LEVEL="ERROR", **options).application
            server = make_server("127.0.0.1", 0, app, threaded=True)
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            stack.callback(lambda: (server.shutdown(), thread.join(), server.server_close()))
            return connect(f"http://127.0.0.1:{server.server_port}")

        yield serve_over_http
