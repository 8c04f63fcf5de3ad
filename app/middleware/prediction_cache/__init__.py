"""Remembered predictions: in the worker, then in Redis; ``docs/cache.md`` says when and for how long."""

from cachetools import TTLCache
from flask import Flask

from app.middleware.prediction_cache.shared import NoShared, RedisShared
from app.middleware.prediction_cache.tiered import TieredCache
from app.middleware.redis_store import RedisStore
from app.models.ml_models import EXTENSION


def init_app(app: Flask) -> None:
    """Give the app's model service its cache, unless ``CACHE_MODE`` is ``off``."""
    mode, size, ttl, url = (
        app.config[name] for name in ("CACHE_MODE", "CACHE_SIZE", "CACHE_TTL", "REDIS_URL")
    )
    if mode == "off":
        return
    shared = RedisShared(RedisStore(url), ttl=ttl) if url else NoShared()
    app.extensions[EXTENSION].cache = TieredCache(TTLCache(size, ttl), shared, every_route=mode == "all")
