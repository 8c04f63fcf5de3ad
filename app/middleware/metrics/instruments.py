"""Instruments of one process or of all workers; docs/observability.md explains each metric."""

import os
from functools import cache
from pathlib import Path
from time import time
from typing import Any, Literal

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue, MutexValue

from app.middleware.metrics import request_rate, worker_slots
from app.middleware.metrics.queries import total
from app.middleware.metrics.request_rate import RecentRequests

# 100 µs to 10 s, in seconds.
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Instruments:
    """The metrics of one process, and how to read those of the whole service."""

    def __init__(self, recent_requests: RecentRequests) -> None:
        self.recent = recent_requests
        self.started = time()
        self.registry = CollectorRegistry()
        self.requests = self._counter("http_requests", "Requests answered.", "route", "method", "status")
        self.duration = self._histogram("http_request_duration_seconds", "Time to answer.", "route")
        self.in_flight = self._gauge("http_requests_in_flight", "Requests being answered.", mode="livesum")
        self.rejected = self._counter("requests_refused", "Requests refused before their work.", "reason")
        self._count_models()
        self._count_routing()
        self.worker_starts = self._counter("worker_starts", "Worker processes started.")
        self.worker_starts.inc()

    def _count_models(self) -> None:
        self.rows = self._counter("prediction_rows", "Rows predicted, or answered from the cache.", "version")
        self.predictions = self._counter("predictions", "Predictions by label.", "version", "label")
        self.engine = self._histogram(
            "prediction_duration_seconds", "Time of a prediction in the engine.", "version", "engine"
        )
        self.engine_failures = self._counter(
            "engine_failures", "Failures of an engine at run time.", "engine"
        )
        self.cache = self._counter("cache_lookups", "Rows looked up in the cache.", "outcome")
        self.load = self._gauge(
            "model_load_seconds", "Time to verify and load a version.", "version", mode="livemax"
        )
        self.port_failures = self._counter("port_failures", "Exceptions of observers and the cache.", "port")
        self.load_failures = self._counter("model_load_refusals", "Versions that failed a check at loading.")

    def _count_routing(self) -> None:
        self.routed = self._counter(
            "routed_requests", "Requests while there was a routing.", "version", "outcome"
        )
        self.routed_duration = self._histogram(
            "routed_request_duration_seconds", "Time per row of a routed request.", "version"
        )
        self.shadow_rows = self._counter("shadow_rows", "Rows in the shadow.", "version", "outcome")
        self.shadow_predictions = self._counter(
            "shadow_predictions", "Predictions in the shadow by label.", "version", "label"
        )
        self.shadow_duration = self._histogram(
            "shadow_duration_seconds", "Time of a prediction in the shadow.", "version"
        )
        self.rollbacks = self._counter("canary_rollbacks", "Canaries ended because they did worse.")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=BUCKETS)

    def _gauge(self, name: str, text: str, *labels: str, mode: Literal["livesum", "livemax"]) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode=mode)

    def collect(self) -> list[Metric]:
        """All metrics, each with the numbers of the whole service."""
        return list(self.registry.collect())

    def workers(self) -> int:
        """Worker processes alive."""
        return 1

    def requests_per_second(self) -> float:
        """Requests per second over the last minute."""
        return request_rate.per_second([self.recent.ring[:]], now=time(), started=self.started)


class SharedInstruments(Instruments):
    """The metrics of all workers of a server, through files in one directory, some per worker slot."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        slot, self._lock = worker_slots.claim(directory)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)  # read by prometheus_client
        prometheus_client.values.ValueClass = MultiProcessValue(slot.__index__)
        super().__init__(RecentRequests(self._lock))
        self.started = worker_slots.started_at(directory)

    def collect(self) -> list[Metric]:
        """All metrics; live gauges only of workers that live."""
        living = worker_slots.living(self.directory)
        files = [str(file) for file in self.directory.glob("*.db") if _counts(file, living)]
        return list(MultiProcessCollector.merge(files))

    def workers(self) -> int:
        return len(worker_slots.living(self.directory))

    def requests_per_second(self) -> float:
        return request_rate.per_second(request_rate.read(self.directory), now=time(), started=self.started)


@cache
def shared(directory: Path) -> SharedInstruments:
    """The one set of files of this process in ``directory``; all its apps count together."""
    return SharedInstruments(directory)


def private() -> Instruments:
    """Instruments of an app alone in its process."""
    prometheus_client.values.ValueClass = MutexValue
    return Instruments(RecentRequests())


class ServiceCollector:
    """For `prometheus_client.generate_latest`: the instruments, and what is known without counting.

    :param workers: how many worker processes the server was configured to run.
    """

    def __init__(self, instruments: Instruments, *, workers: int) -> None:
        self._instruments = instruments
        self._workers = workers

    def collect(self) -> list[Any]:
        """All metric families."""
        families = self._instruments.collect()
        starts = total(families, "worker_starts_total")
        restarts = CounterMetricFamily("worker_restarts", "Worker processes started in place of others.")
        restarts.add_metric([], max(0.0, starts - self._workers))
        alive = GaugeMetricFamily("workers", "Worker processes alive.", value=self._instruments.workers())
        age = time() - self._instruments.started
        uptime = GaugeMetricFamily("uptime_seconds", "Time since the server started.", value=age)
        return [*families, restarts, alive, uptime]


def _counts(file: Path, living: set[int]) -> bool:
    alive = not file.name.startswith("gauge_live") or int(file.stem.rpartition("_")[2]) in living
    return alive and file.stat().st_size > 0  # 0: a worker is just making it
