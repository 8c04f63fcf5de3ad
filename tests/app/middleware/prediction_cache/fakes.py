"""A model, an engine and a shared tier whose answers can be checked by hand."""

from types import SimpleNamespace

import numpy as np
from cachetools import TTLCache

from app.middleware.prediction_cache.cache_keys import CacheKeyBuilder, canonical
from app.middleware.prediction_cache.tiered import TieredCache
from app.models.engines.output import EngineOutput
from app.models.schema.signature import Feature, InputSignature, OutputSignature

CLASSES = OutputSignature("classification", ("small", "large"), probabilities=True)


NUMBERS = OutputSignature("regression")


class FakeModel:
    """As much of a loaded model as a cache looks at."""

    def __init__(self, *, content="a", engine="onnx", us=None, output=NUMBERS, golden=None, names=("x", "y")):
        self.engine = SimpleNamespace(name=engine)
        self.output = output
        self.signature = InputSignature(
            tuple(Feature(name, "number", nullable=True) for name in names), "array"
        )
        certificate = {} if us is None else {"median_us": {"1": us}}
        self.metadata = {
            "files": {"model.pkl": {"sha256": content}},
            "output": output.to_dict(),
            "certificates": {engine: certificate},
            "golden": golden or {"values": [0.0], "probabilities": None},
        }


class Sums:
    """Computes each row's sum and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, rows):
        self.calls.append(len(rows))
        return EngineOutput(np.sum(rows, axis=1), None)


class FakeShared:
    """A dictionary in the place of Redis."""

    def __init__(self) -> None:
        self.outcomes: dict[bytes, EngineOutput] = {}
        self.asked: list[int] = []

    def get(self, keys, model):
        self.asked.append(len(keys))
        return {key: self.outcomes[key] for key in keys if key in self.outcomes}

    def set(self, outcomes):
        self.outcomes.update(outcomes)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def cache_of(shared=None, *, size=1000, ttl=60, clock=None) -> TieredCache:
    return TieredCache(TTLCache(size, ttl, timer=clock or Clock()), shared)


def keys_of(rows, model=None) -> list[bytes]:
    model = model or FakeModel()
    return CacheKeyBuilder(model, model.engine.name).keys(canonical(rows, nullable=True))
