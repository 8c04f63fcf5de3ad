"""Requests of thousands of rows: short ones beside them hardly wait longer."""

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import numpy as np
import pyarrow as pa
import pytest
import requests

from tests.drills.attackers import attackers, one_by_one
from tests.drills.others import Disturbed
from tests.drills.traffic import milliseconds, percentile, traffic
from tests.services import gunicorn

pytestmark = pytest.mark.drill

ROWS = np.random.default_rng(0).uniform(0, 10, (10_000, 3))
NAMES = ["feature_0", "feature_1", "feature_2"]
TIMES = 2  # what the 99th percentile may be, of what it is without long requests
NOISE = 0.01  # s that the machine's own clients may add
RATE = 50  # short requests a second
SECONDS_PER_LONG = 0.4


def _arrow():
    table, sink = pa.table(list(ROWS.T), names=NAMES), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


V2 = {"inputs": [{"name": "x", "shape": [*ROWS.shape], "datatype": "FP64", "data": ROWS.ravel().tolist()}]}
# Media type, path and body of 10,000 rows.
LONG = {
    "Arrow": ("application/vnd.apache.arrow.stream", "/api/predict/batch", _arrow()),
    "CSV": ("text/csv", "/api/predict/batch", "\n".join(",".join(map(str, row)) for row in ROWS).encode()),
    "V2": ("application/json", "/v2/models/default/infer", json.dumps(V2).encode()),
}


WORKERS = 2


@pytest.fixture(scope="module")
def service(tmp_path_factory, forest_dir):
    """A service whose workers have their engine for batches, which each makes once, in a second."""
    variables = {"MODELS_DIR": forest_dir, "WORKERS": WORKERS, "LOG_LEVEL": "INFO"}
    with gunicorn(tmp_path_factory.mktemp("long"), **variables) as found:
        media_type, path, body = LONG["Arrow"]

        def post(_):
            url = f"http://127.0.0.1:{found.port}{path}"
            requests.post(url, data=body, headers={"Content-Type": media_type}, timeout=30).raise_for_status()

        def ready():
            with ThreadPoolExecutor(2 * WORKERS) as pool:  # one alone would go to the same worker each time
                list(pool.map(post, range(2 * WORKERS)))
            return found.output.read_text().count("engine for batches is ready") == WORKERS

        found.wait_until(ready)
        yield found


@pytest.mark.parametrize("what", LONG)
def test_short_requests_beside_long_ones_wait_hardly_longer(service, length, figure, what):
    media_type, path, body = LONG[what]
    lines = ["Host: drill", f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""])
    seconds = length(4, 20)
    with traffic(service.port, rate=RATE) as calm:
        sleep(seconds)
    with (
        traffic(service.port, rate=RATE) as beside,
        attackers(one_by_one, service.port, [head.encode() + body], 1 / SECONDS_PER_LONG) as long,
    ):
        tally = long.wait(seconds)
    assert set(tally.answers) == {"200"}
    usual, meanwhile = percentile(calm.outcomes, 99), percentile(beside.outcomes, 99)
    measured = f"{milliseconds(meanwhile)}; without them {milliseconds(usual)}"
    if meanwhile > TIMES * usual + NOISE:
        raise Disturbed(f"{what}: {measured}")
    figure(
        "large requests",
        f"10,000 rows as {what} again and again: p99 of short requests",
        measured,
        f"{TIMES} ×",
    )
