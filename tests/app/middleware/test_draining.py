"""What gunicorn does between SIGTERM and its end."""

import os
import signal

import pytest
import requests

from tests.estimators import ROW
from tests.services import PATIENCE, gunicorn

pytestmark = pytest.mark.server


@pytest.fixture
def drains(boxes_dir, tmp_path):
    """Start a server that drains for so many seconds."""
    return lambda seconds: gunicorn(
        tmp_path, WORKERS=2, MODELS_DIR=boxes_dir, DRAIN_SECONDS=seconds, LOG_LEVEL="INFO"
    )


def draining(server):
    answer = server.get("/api/health/ready")
    return (answer.status_code, answer.json()) == (503, {"status": "draining"})


def test_service_told_to_stop_is_unready_in_all_workers_and_predicts_on(drains):
    with drains(3600) as server:
        assert server.get("/api/health/ready").status_code == 200
        server.process.terminate()
        server.wait_until(lambda: draining(server))
        assert all(draining(server) for _ in range(20))
        assert server.get("/api/health/live").status_code == 200
        assert server.get("/api/health").status_code == 200
        assert server.post("/api/predict", json=ROW).status_code == 200


def test_it_stops_in_order_when_the_time_is_over(drains):
    with drains(0.5) as server:
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        assert "Draining for 0.5 s" in server.output.read_text()


@pytest.mark.parametrize("impatience", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_stops_it_at_once(drains, impatience):
    with drains(3600) as server:
        server.process.terminate()
        server.wait_until(lambda: draining(server))
        server.process.send_signal(impatience)
        assert server.process.wait(PATIENCE) == 0


def test_worker_that_dies_meanwhile_is_replaced_by_one_that_drains(drains):
    with drains(3600) as server:
        server.process.terminate()
        server.wait_until(lambda: draining(server))
        before = server.workers()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        server.wait_until(lambda: len(set(server.workers()) - set(before)) == 2)
        server.wait_until(lambda: answers(server))
        assert draining(server)


def answers(server):
    try:
        return server.get("/api/health/live").status_code == 200
    except requests.ConnectionError:
        return False


def test_reload_drains_nothing(drains):
    with drains(3600) as server:
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: not set(before) & set(server.workers()) and answers(server))
        assert server.get("/api/health/ready").status_code == 200
        server.process.terminate()
        server.wait_until(lambda: draining(server))


def test_without_the_setting_it_stops_at_once(drains):
    with drains(0) as server:
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        assert "Draining" not in server.output.read_text()
