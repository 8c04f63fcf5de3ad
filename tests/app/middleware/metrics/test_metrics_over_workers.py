"""What is claimed of the whole service, on gunicorn with four workers."""

import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from socket import create_connection

import pytest

from app.middleware.metrics.snapshot_ring import FILE, RING, SnapshotRing
from tests.estimators import ROW
from tests.services import PATIENCE, gunicorn

pytestmark = pytest.mark.server

FILES_PER_SLOT = 5  # counters, histograms, two kinds of gauges, the slot itself
RESTARTS = int(os.environ.get("WORKER_RESTARTS", "4"))


def post_rows(server, number):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.post("/api/predict", json=ROW).status_code, range(number)))
    assert answers == [200] * number


@pytest.fixture(scope="module")
def server(boxes_dir, tmp_path_factory):
    """Four workers for the tests that leave them alive."""
    directory = tmp_path_factory.mktemp("server")
    with gunicorn(
        directory, MODELS_DIR=boxes_dir, LOG_FILE=directory / "service.log", LOG_LEVEL="INFO"
    ) as server:
        yield server


def test_counts_are_exact_over_four_workers(server):
    post_rows(server, 400)
    series = server.samples()
    assert series["http_requests_total", ("POST", "/api/predict", "200")] == 400
    assert series["http_request_duration_seconds_count", ("/api/predict",)] == 400
    assert series["predictions_total", ("0", "v1")] == 400
    assert series["prediction_rows_total", ("v1",)] == 400
    assert series["workers", ()] == 4
    stats = server.get("/api/stats").json()
    assert stats["total_requests"] >= 400
    assert stats["workers"] == 4
    assert 0 < stats["p95_response_time"] <= stats["p99_response_time"] < 10
    assert stats["requests_per_second"] > 400 / 60


def test_traffic_is_kept_without_being_asked_for_and_the_same_in_every_worker(boxes_dir, tmp_path):
    directory = tmp_path / "counts"
    with gunicorn(tmp_path, MODELS_DIR=boxes_dir, PROMETHEUS_MULTIPROC_DIR=directory) as server:
        ring = SnapshotRing(directory / FILE)
        server.wait_until(lambda: sum(bool(ring.read(number)) for number in range(RING)) >= 2)
        post_rows(server, 40)

        def requests():
            answers = [server.get("/api/traffic", headers={"Accept": "application/json"}) for _ in range(8)]
            return {sum(event["requests"] for event in answer.json()["events"]) for answer in answers}

        server.wait_until(lambda: requests() == {40})


def test_counters_survive_restarts_in_a_bounded_number_of_files(boxes_dir, tmp_path):
    directory = tmp_path / "counts"
    with gunicorn(tmp_path, MODELS_DIR=boxes_dir, PROMETHEUS_MULTIPROC_DIR=directory) as server:
        seen = 0.0
        for round_ in range(1, RESTARTS + 1):
            post_rows(server, 4)
            before = server.workers()
            os.kill(before[round_ % len(before)], signal.SIGKILL)
            server.wait_until(lambda round_=round_: server.total("worker_starts_total") == 4 + round_)
            now = server.total("http_request_duration_seconds_count")
            assert now > seen
            seen = now
        series = server.samples()
        assert series["http_requests_total", ("POST", "/api/predict", "200")] == 4 * RESTARTS
        assert series["worker_restarts_total", ()] == RESTARTS
        assert series["workers", ()] == 4
        assert series["http_requests_in_flight", ()] <= 1  # the scrape itself
        slots = list(directory.glob("slot_*"))
        assert len(slots) <= 5
        assert len(list(directory.iterdir())) <= FILES_PER_SLOT * len(slots) + 2


def test_a_reload_loses_no_count(boxes_dir, tmp_path):
    with gunicorn(tmp_path, MODELS_DIR=boxes_dir) as server:
        post_rows(server, 40)
        old = set(server.workers())
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: len(server.workers()) == 4 and not old & set(server.workers()))
        server.wait_until(lambda: server.total("workers") == 4)
        post_rows(server, 40)
        assert server.samples()["http_requests_total", ("POST", "/api/predict", "200")] == 80
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
    assert "Traceback" not in server.output.read_text()


def test_a_new_start_counts_from_nothing(boxes_dir, tmp_path):
    variables = {"MODELS_DIR": boxes_dir, "PROMETHEUS_MULTIPROC_DIR": tmp_path / "counts", "WORKERS": 2}
    with gunicorn(tmp_path, **variables) as server:
        post_rows(server, 10)
    with gunicorn(tmp_path, **variables) as server:
        assert ("http_requests_total", ("POST", "/api/predict", "200")) not in server.samples()
        assert server.total("worker_restarts_total") == 0


def test_a_scrape_is_quick_with_many_series(server):
    post_rows(server, 100)
    for path in ("/api/health", "/api/health/live", "/api/model/info", "/api/stats", "/nothing"):
        for _ in range(8):
            server.get(path)
    durations = []
    for _ in range(40):
        started = time.perf_counter()
        server.get("/metrics")
        durations.append(time.perf_counter() - started)
    assert sorted(durations)[20] <= 0.25


def test_lines_of_four_workers_and_the_master_do_not_mix(server):
    post_rows(server, 400)
    for file in (server.output, server.output.with_name("service.log")):
        events = Counter(json.loads(line)["event"] for line in file.read_bytes().splitlines())
        assert events["request"] >= 400
        assert events[f"Booting worker with pid: {server.workers()[0]}"] == 1
        assert any(event.startswith("Listening at") for event in events)


def test_the_log_file_may_be_rotated_under_four_workers(server):
    log = server.output.with_name("service.log")
    log.rename(log.with_suffix(".1"))

    def lines():
        return log.read_bytes().count(b'"/api/predict"') if log.exists() else 0

    def all_workers_have_noticed():
        before = lines()
        post_rows(server, 100)
        return lines() - before == 100

    server.wait_until(all_workers_have_noticed)


@pytest.mark.parametrize("kind", ["full disk", "closed pipe"])
def test_a_stdout_that_takes_nothing_fails_no_request(boxes_dir, tmp_path, kind):
    if kind == "full disk":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    variables = {"MODELS_DIR": boxes_dir, "LOG_FILE": "/dev/full", "WORKERS": 2}
    try:
        with gunicorn(tmp_path, stdout=descriptor, **variables) as server:
            post_rows(server, 50)
    finally:
        os.close(descriptor)


def test_nothing_of_a_malformed_request_is_logged(server):
    for head in (
        b"GET /?key=canary-1 HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-API-Key: canary-2\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-API-Key canary-3: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n X-API-Key: canary-4\r\n\r\n",
        b"canary\x1b[31m5\r\n\r\n",
    ):
        with create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head)
            connection.recv(1000)
    output = server.output.read_bytes()
    assert output.count(b"Invalid request from ip=127.0.0.1") >= 4
    assert b"canary" not in output
    assert all(json.loads(line) for line in output.splitlines())
