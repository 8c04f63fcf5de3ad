"""Real services for what is claimed over workers, and a clock for what is claimed over time."""

import pytest

from app.middleware.redis_store import RedisStore
from tests.services import RedisServer


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture
def redis_server(redis_process):
    """A Redis that is empty, and running however the test before left it."""
    redis_process.thaw()
    redis_process.start()
    redis_process.admin.flushall()
    return redis_process


@pytest.fixture
def redis_store(redis_server):
    store = RedisStore(redis_server.url, pause=0.2)
    yield store
    store.close()
