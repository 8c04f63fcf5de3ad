"""The tier that all workers and machines share: Redis, or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from redis import Redis

from app.middleware.prediction_cache.row_outputs import pack, unpack
from app.middleware.redis_store import RedisStore, Unavailable
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion

PREFIX = b"prediction:"


class Shared(Protocol):
    """Remembers outcomes of single rows where others find them. Never raises, and never waits for long."""

    configured: bool

    def get(self, keys: Sequence[bytes], model: LoadedVersion) -> dict[bytes, EngineOutput]:
        """Those that are there and are outcomes of this model."""

    def set(self, outcomes: Mapping[bytes, EngineOutput]) -> None:
        """Remember, if possible."""


class NoShared:
    """Every worker for itself."""

    configured = False

    def get(self, keys: Sequence[bytes], model: LoadedVersion) -> dict[bytes, EngineOutput]:
        return {}

    def set(self, outcomes: Mapping[bytes, EngineOutput]) -> None:
        pass


class RedisShared:
    """One MGET to look, one pipeline to remember; while Redis is away nothing is found.

    :param ttl: seconds after which Redis forgets.
    """

    configured = True

    def __init__(self, store: RedisStore, *, ttl: int) -> None:
        self._store = store
        self._ttl = ttl

    def get(self, keys: Sequence[bytes], model: LoadedVersion) -> dict[bytes, EngineOutput]:
        names = [PREFIX + key for key in keys]
        try:
            contents = self._store.call(lambda redis: cast("list[Any]", redis.mget(names)))
        except Unavailable:
            return {}
        outcomes = {
            key: unpack(content, model)
            for key, content in zip(keys, contents, strict=True)
            if content is not None
        }
        return {key: outcome for key, outcome in outcomes.items() if outcome is not None}

    def set(self, outcomes: Mapping[bytes, EngineOutput]) -> None:
        def write(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            for key, outcome in outcomes.items():
                pipeline.set(PREFIX + key, pack(outcome), ex=self._ttl)
            pipeline.execute()

        try:
            self._store.call(write)
        except Unavailable:
            return
