"""Reloads, rolling restarts and stops under load: no request is lost."""

import signal
import socket
from contextlib import ExitStack
from http.client import HTTPResponse
from time import monotonic, sleep

import pytest

from tests.drills.traffic import ROW, kinds, milliseconds, percentile, traffic
from tests.nginx import nginx
from tests.services import PATIENCE, gunicorn, wait_until

pytestmark = pytest.mark.drill

RATE = 40  # requests a second: what waits for a second is not yet too many connections for nginx


@pytest.mark.parametrize("way", ["gunicorn", "nginx"])
def test_reload_fails_no_request(forest_dir, tmp_path, length, figure, way):
    times = length(3, 10)
    variables = {"MODELS_DIR": forest_dir, "WORKERS": 2, "TRUSTED_PROXIES": 1}
    with gunicorn(tmp_path, **variables) as service, nginx(tmp_path / "nginx", service.port) as proxy:
        with traffic({"gunicorn": service, "nginx": proxy}[way].port, rate=RATE) as clients:
            for _ in range(times):
                before = set(service.workers())
                service.process.send_signal(signal.SIGHUP)
                wait_until(lambda before=before: len(set(service.workers()) - before) == 2)
                wait_until(lambda before=before: not before & set(service.workers()))
                sleep(1)
        figure(
            "restarts",
            f"{times} reloads (SIGHUP), {way}: failed of {len(clients.outcomes)} requests",
            f"{len(clients.failed())}, p99 {milliseconds(percentile(clients.outcomes, 99))}",
            "0",
        )
        assert len(clients.outcomes) > RATE * times
        assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}


def test_rolling_restart_fails_no_request(forest_dir, tmp_path, length, figure):
    rounds = length(1, 5)
    variables = {"MODELS_DIR": forest_dir, "WORKERS": 1, "TRUSTED_PROXIES": 1, "DRAIN_SECONDS": 1}
    with ExitStack() as stack:
        replicas = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            replicas.append(stack.enter_context(gunicorn(tmp_path / name, **variables)))
        ports = [replica.port for replica in replicas]
        proxy = stack.enter_context(nginx(tmp_path / "nginx", *ports))
        with traffic(proxy.port, rate=RATE) as clients:
            for place in [0, 1] * rounds:
                replicas[place].process.terminate()
                assert replicas[place].process.wait(PATIENCE) == 0
                directory = tmp_path / ("one", "two")[place]
                again = gunicorn(directory, PORT=ports[place], **variables)
                replicas[place] = stack.enter_context(again)
                sleep(3)  # longer than nginx passes a replica over that failed
        figure(
            "restarts",
            f"{2 * rounds} replicas of two replaced one by one, nginx: failed of {len(clients.outcomes)}"
            " requests",
            f"{len(clients.failed())}, p99 {milliseconds(percentile(clients.outcomes, 99))}",
            "0",
        )
        assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}


def test_stop_is_announced_and_what_is_in_flight_is_finished(forest_dir, tmp_path, length, figure):
    drain = length(2, 5)
    variables = {"MODELS_DIR": forest_dir, "WORKERS": 2, "DRAIN_SECONDS": drain}
    half, rest = ROW[:10].encode(), ROW[10:].encode()
    head = b"POST /api/predict HTTP/1.1\r\nHost: drill\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(ROW)
    with gunicorn(tmp_path, **variables) as service, ExitStack() as stack:
        with traffic(service.port, rate=RATE) as clients:
            sleep(1)
            told = monotonic()
            service.process.terminate()
            wait_until(lambda: service.ask(path="/api/health/ready")[0] == 503)
            unready = monotonic() - told
            sleep(drain / 2)  # a balancer takes its time to notice, and sends on
        where = ("127.0.0.1", service.port)
        open_requests = [stack.enter_context(socket.create_connection(where, PATIENCE)) for _ in range(20)]
        for connection in open_requests:
            connection.sendall(head + half)
        listening = monotonic()
        wait_until(lambda: refused(service.port))  # gunicorn itself stops now
        assert listening - told < drain
        sleep(0.5)
        answers = []
        for connection in open_requests:
            connection.sendall(rest)
            response = HTTPResponse(connection)
            response.begin()
            answers.append(response.status)
            response.read()
        assert service.process.wait(PATIENCE) == 0
        took = monotonic() - told
    figure("restarts", "SIGTERM until readiness is 503", milliseconds(unready), "before anything stops")
    figure(
        "restarts",
        f"SIGTERM, DRAIN_SECONDS={drain}: lost of {len(clients.outcomes)} requests until half of that time,"
        f" and of {len(answers)} half sent when it stopped",
        f"{len(clients.failed())} and {len(answers) - answers.count(200)}, ended after {took:.1f} s",
        "0 and 0",
    )
    assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}
    assert answers == [200] * 20
    assert took >= drain


def refused(port):
    """Whether nobody listens any more."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionError:
        return True
    return False
