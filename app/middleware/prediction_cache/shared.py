"""The tier that all workers and machines share: Redis."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from redis import Redis

from app.middleware.prediction_cache.row_outputs import pack, unpack
from app.middleware.redis_store import RedisStore, Unavailable
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion

CACHE_KEY_PREFIX = b"prediction:"


class RedisShared:
    """Caches outputs of single rows for all workers: one MGET to look up, one pipeline to cache.

    Never raises, and never waits for long; while Redis is away nothing is found.

    :param ttl: seconds after which Redis drops an output.
    """

    def __init__(self, store: RedisStore, *, ttl: int) -> None:
        self._store = store
        self._ttl = ttl

    def get(self, keys: Sequence[bytes], model: LoadedVersion) -> dict[bytes, EngineOutput]:
        """The cached outputs of this model, by key."""
        names = [CACHE_KEY_PREFIX + key for key in keys]
        try:
            contents = self._store.call(lambda redis: cast("list[Any]", redis.mget(names)))
        except Unavailable:
            return {}
        found = [(key, content) for key, content in zip(keys, contents, strict=True) if content is not None]
        return {key: output for key, content in found if (output := unpack(content, model)) is not None}

    def set(self, outputs: Mapping[bytes, EngineOutput]) -> None:
        """Cache, if possible."""

        def write(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            for key, output in outputs.items():
                pipeline.set(CACHE_KEY_PREFIX + key, pack(output), ex=self._ttl)
            pipeline.execute()

        with suppress(Unavailable):
            self._store.call(write)
