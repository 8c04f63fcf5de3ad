"""Traffic of the last ten minutes: snapshots of the service's counters, and what happened between them."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import random
from threading import Thread
from time import sleep, time
from typing import Any

import orjson
from flask import Flask

from app.middleware.metrics import instruments_of
from app.middleware.metrics.instruments import Instruments, SharedInstruments
from app.middleware.metrics.queries import Families, quantile, samples, total, total_by
from app.middleware.metrics.snapshot_ring import FILE, SnapshotRing
from app.middleware.route_table import ADMIN, PREDICT, ROUTE_TABLE, RouteTable

INTERVAL = 5  # seconds from one snapshot to the next
SHOWN = 600  # seconds
EXTENSION = "traffic_history"
REQUESTS, DURATION = "http_requests_total", "http_request_duration_seconds_bucket"
QUANTILES = {"p50_response_time": 0.5, "p95_response_time": 0.95, "p99_response_time": 0.99}
SNAPSHOT = frozenset({"tick", "time", "requests", "durations", "rejected", "hits", "misses"})

log = logging.getLogger(__name__)


class TrafficHistory:
    """Intervals of 5 s by the clock, over all workers; any worker writes the snapshot at the end of one.

    No request waits for a snapshot, unless it asks for the history and comes first.

    :param quiet: routes that do not count.
    """

    def __init__(
        self,
        counted: Instruments,
        ring: SnapshotRing,
        *,
        quiet: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time,
    ) -> None:
        self._instruments = counted
        self._ring = ring
        self._quiet = quiet
        self._clock = clock

    def start(self) -> None:
        """Record until the end of the process, in a thread."""
        Thread(target=self._run, name="traffic-history", daemon=True).start()

    def record(self) -> None:
        """Write the snapshot of the current interval, unless a worker has written it."""
        tick = int(self._clock() // INTERVAL)
        if self._read(tick) is None:
            self._ring.write(tick, orjson.dumps(self._snapshot(tick)))

    def until_next(self) -> float:
        """Seconds until the current interval ends."""
        return INTERVAL - self._clock() % INTERVAL

    def events(self, *, after: int = 0) -> list[dict[str, Any]]:
        """What happened in each interval with a greater ``id`` than ``after``, oldest first.

        Response times are in seconds, None where there was no request. An interval is longer where no worker
        lived to write a snapshot.
        """
        self.record()
        now = int(self._clock() // INTERVAL)
        ticks = range(now - SHOWN // INTERVAL, now + 1)
        found = [snapshot for tick in ticks if (snapshot := self._read(tick))]
        return [_event(old, new) for old, new in pairwise(found) if new["tick"] > after and _later(old, new)]

    def _run(self) -> None:
        failed = False
        with suppress(Exception):  # tried again below
            self._snapshot(0)  # the first one takes 0.1 MB, now instead of when this worker's turn comes
        while True:
            # The first worker writes, and the others find it done.
            sleep(self.until_next() + random() / 4)
            try:
                self.record()
                failed = False
            except Exception:  # such as a full disk: requests go on, and it is tried again
                if not failed:
                    log.exception("recording the traffic failed")
                failed = True

    def _read(self, tick: int) -> dict[str, Any] | None:
        with suppress(ValueError):  # there is none yet, or another worker is just writing it
            found = orjson.loads(self._ring.read(tick))
            # Another release writes its own members into the same file during an upgrade.
            if isinstance(found, dict) and found.keys() == SNAPSHOT and found["tick"] == tick:
                return found
        return None

    def _snapshot(self, tick: int) -> dict[str, Any]:
        families = self._instruments.collect()
        return {
            "tick": tick,
            "time": self._clock(),
            "requests": self._total_by(families, REQUESTS, "status"),
            "durations": self._total_by(families, DURATION, "le"),
            "rejected": total_by(families, "requests_refused_total", "reason"),
            "hits": total(families, "cache_lookups_total", outcome="hit"),
            "misses": total(families, "cache_lookups_total", outcome="miss"),
        }

    def _total_by(self, families: Families, name: str, by: str) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for sample in samples(families, name):
            if sample.labels["route"] not in self._quiet:
                sums[sample.labels[by]] += sample.value
        return dict(sums)


def history_of(app: Flask) -> TrafficHistory:
    """The app's history, made once."""
    if EXTENSION not in app.extensions:
        counted = instruments_of(app)
        path = counted.directory / FILE if isinstance(counted, SharedInstruments) else None
        app.extensions[EXTENSION] = TrafficHistory(counted, ring_at(path), quiet=quiet_routes(app))
    found: TrafficHistory = app.extensions[EXTENSION]
    return found


def ring_at(path: Path | None) -> SnapshotRing:
    """The ring of all workers; where the disk has no room for it, this process has one of its own."""
    try:
        return SnapshotRing(path)
    except OSError as error:
        log.error("the workers share no history of the traffic", extra={"reason": error.strerror})
        return SnapshotRing()


def quiet_routes(app: Flask) -> frozenset[str]:
    """Routes of probes, pages and metrics, which ask how the service is and would hide what clients do."""
    table: RouteTable = app.extensions[ROUTE_TABLE]
    rules = app.url_map.iter_rules()
    return frozenset(rule.rule for rule in rules if table.scopes[rule.endpoint] not in (PREDICT, ADMIN))


def _later(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """False across a restart of the server, which counts from 0 again."""
    return bool(sum(new["requests"].values()) >= sum(old["requests"].values()))


def _event(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    by_status = _grown(old["requests"], new["requests"])
    requests, seconds = sum(by_status.values()), new["time"] - old["time"]
    return {
        "id": new["tick"],
        "time": datetime.fromtimestamp(new["time"], UTC).isoformat(timespec="milliseconds"),
        "seconds": round(seconds, 3),
        "requests": requests,
        "requests_per_second": round(requests / seconds, 3),
        "errors": {status: number for status, number in sorted(by_status.items()) if int(status) >= 400},
        "rejected": _grown(old["rejected"], new["rejected"]),
        "cache_hits": int(new["hits"] - old["hits"]),
        "cache_misses": int(new["misses"] - old["misses"]),
        **_response_times(old["durations"], new["durations"]),
    }


def _response_times(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, float | None]:
    buckets = sorted((float(bound), new[bound] - old.get(bound, 0)) for bound in new)
    counted = buckets and buckets[-1][1]
    return {name: quantile(q, buckets) if counted else None for name, q in QUANTILES.items()}


def _grown(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, int]:
    """By how much, for each count that has grown."""
    return {key: int(new[key] - old.get(key, 0)) for key in new if new[key] > old.get(key, 0)}
