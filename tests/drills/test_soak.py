"""Half load for as long as there is time: nothing fails, and memory does not grow."""

import shutil
from time import monotonic

import pytest

from benchmarks import bodies
from benchmarks.client import Client
from benchmarks.wrk import Wrk
from tests.drills.memory import megabytes, resident, slope
from tests.drills.traffic import ROW, kinds, milliseconds, percentile, traffic
from tests.services import gunicorn

pytestmark = pytest.mark.drill

WORKERS = 2
COLLECTIONS = 1000
TEN_MINUTES = 600  # s


def test_half_load_for_a_long_time(forest_dir, tmp_path, length, figure):
    seconds, turn = length(40, 3600), length(1, 10)
    warm_up = length(20, 900)
    generator = Wrk() if shutil.which("wrk") else Client()
    posted = bodies.write(tmp_path / "bodies", [ROW.encode()])
    with gunicorn(tmp_path, MODELS_DIR=forest_dir, WORKERS=WORKERS, LOG_LEVEL="ERROR") as service:
        for _ in range(
            COLLECTIONS
        ):  # as the history of the traffic does each 5 s: memory is taken until then
            service.get("/metrics")
        workers, began = service.workers(), monotonic()
        samples, requests, failures = [], 0, 0
        url = f"http://127.0.0.1:{service.port}/api/predict"
        with traffic(service.port, rate=20) as clients:
            while monotonic() - began < seconds:
                # One connection without a pause keeps one of two workers busy. Each turn it is a new one,
                # which either worker may take.
                load = generator.run(url, posted, connections=1, seconds=turn, headers={})
                requests, failures = requests + load.requests, failures + load.failures
                if monotonic() - began > warm_up:
                    samples.append((monotonic(), resident(service)))
        grown, error = (value * TEN_MINUTES for value in slope(samples))
        figure(
            "soak",
            f"{requests / seconds:.0f} requests/s, half of what two workers can, for {seconds} s:"
            f" failed of {requests + len(clients.outcomes)}; p99 of others beside them",
            f"{failures + len(clients.failed())}; {milliseconds(percentile(clients.outcomes, 99))}",
            "0",
        )
        figure(
            "soak",
            f"memory of two workers: the line through {len(samples)} samples after {warm_up:.0f} s",
            f"{megabytes(grown)} ± {megabytes(2 * error)} in ten minutes",
            "1 MB",
        )
        assert failures == 0
        assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}
        assert service.workers() == workers
        # No slope is known better than its error, which after a minute is larger than what is promised.
        assert grown - 2 * error < 1e6
