"""Has this row been predicted before? Cached in the worker, then in Redis; see ``docs/cache.md``."""

from cachetools import TTLCache
from flask import Flask

from app.middleware.prediction_cache.shared import RedisShared
from app.middleware.prediction_cache.tiered import TieredCache
from app.middleware.redis_store import redis_store
from app.models.ports import NullCache, PredictionCache


def prediction_cache(app: Flask) -> PredictionCache:
    """The cache that ``CACHE_MODE`` asks for."""
    if app.config["CACHE_MODE"] == "off":
        return NullCache()
    mode, size, ttl = app.config["CACHE_MODE"], app.config["CACHE_SIZE"], app.config["CACHE_TTL"]
    shared = RedisShared(store, ttl=ttl) if (store := redis_store(app)) else None
    return TieredCache(TTLCache(size, ttl), shared, every_route=mode == "all")
