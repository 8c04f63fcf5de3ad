"""Real services for what is claimed over workers, and a clock for what is claimed over time."""

import pytest

from app.middleware.redis_store import RedisStore


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def redis_store(redis_server):
    store = RedisStore(redis_server.patient_url, pause=0.2)
    yield store
    store.close()
