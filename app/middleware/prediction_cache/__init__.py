"""Remembered predictions: in the worker, then in Redis; ``docs/cache.md`` says when and for how long."""

from cachetools import TTLCache
from flask import Flask

from app.middleware.prediction_cache.shared import NoShared, RedisShared
from app.middleware.prediction_cache.tiered import TieredCache
from app.middleware.redis_store import redis_store
from app.models.ml_models import EXTENSION


def init_app(app: Flask) -> None:
    """Give the app's model service its cache, unless ``CACHE_MODE`` is ``off``."""
    if app.config["CACHE_MODE"] == "off":
        return
    size, ttl = app.config["CACHE_SIZE"], app.config["CACHE_TTL"]
    store = redis_store(app)
    app.extensions[EXTENSION].cache = TieredCache(
        TTLCache(size, ttl),
        RedisShared(store, ttl=ttl) if store else NoShared(),
        every_route=app.config["CACHE_MODE"] == "all",
    )
