"""What is claimed over workers, against four of gunicorn's."""

import json
import os
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from tests.estimators import BOXES, PausingClassifier, fitted
from tests.services import PATIENCE, gunicorn, wait_until

pytestmark = pytest.mark.server

ROW = json.dumps({"features": [float(value) for value in BOXES.iloc[0]]})
JSON = {"Content-Type": "application/json"}
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def shared(boxes_dir, redis_process, tmp_path_factory):
    """Four workers that share 100 requests a minute through Redis, which gets a second for each."""
    settings = {
        "MODELS_DIR": boxes_dir,
        "REDIS_URL": f"{redis_process.url}?socket_timeout=1&socket_connect_timeout=1",
        "RATE_LIMIT": "100/minute",
    }
    with gunicorn(tmp_path_factory.mktemp("shared"), **settings) as service:
        yield service


@pytest.fixture(scope="module")
def alone(boxes_dir, tmp_path_factory):
    """Four workers without Redis, with a limit on bodies."""
    settings = {"MODELS_DIR": boxes_dir, "RATE_LIMIT": "100/minute", "MAX_CONTENT_LENGTH": LIMIT}
    with gunicorn(tmp_path_factory.mktemp("alone"), **settings) as service:
        yield service


def predict(service, source, headers=None):
    return service.ask("POST", "/api/predict", ROW, JSON | (headers or {}), source)


def statuses(service, source, *, times, headers=lambda n: None):
    """How many concurrent predictions ended with which status."""
    with ThreadPoolExecutor(32) as threads:
        answers = threads.map(lambda n: predict(service, source, headers(n))[0], range(times))
        return Counter(answers)


def test_exactly_as_many_pass_as_the_limit_says(shared, redis_server):
    assert statuses(shared, "127.0.0.2", times=400) == {200: 100, 429: 300}


def test_a_forged_header_does_not_choose_the_bucket(shared, redis_server):
    random = Random(0)
    forged = [".".join(str(random.randrange(256)) for _ in range(4)) for _ in range(1000)]
    passed = statuses(shared, "127.0.0.2", times=1000, headers=lambda n: {"X-Forwarded-For": forged[n]})
    assert passed == {200: 100, 429: 900}
    assert predict(shared, "127.0.0.3")[0] == 200


def test_retry_after_is_right_to_the_second(shared, redis_server):
    began = perf_counter()
    statuses(shared, "127.0.0.4", times=110)
    status, headers = predict(shared, "127.0.0.4")
    assert status == 429
    assert abs(int(headers["Retry-After"]) - (60 - (perf_counter() - began))) <= 1 + (perf_counter() - began)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_predictions_go_on_without_redis_and_within_the_limit(shared, redis_server, fault):
    source = {"kill": "127.0.1.1", "freeze": "127.0.1.2"}[fault]
    getattr(redis_server, fault)()
    assert {predict(shared, f"127.0.2.{n}")[0] for n in range(20)} == {200}
    passed = statuses(shared, source, times=400)[200]
    assert 25 <= passed <= 100
    redis_server.thaw()
    redis_server.start()
    wait_until(lambda: counted(redis_server, shared))


def counted(redis_server, service):
    """Whether all of several connections, so most likely all workers, are counted by Redis."""
    redis_server.admin.flushall()
    answers = [predict(service, "127.0.3.1")[1]["RateLimit-Limit"] for _ in range(20)]
    return set(answers) == {"100"}


def test_without_redis_the_whole_never_exceeds_the_limit(alone):
    assert 25 <= statuses(alone, "127.0.0.2", times=400)[200] <= 100
    assert "each of 4 workers counts for itself" in alone.output.read_text()
    assert alone.output.read_text().count("counts for itself") == 1


def test_a_declared_body_over_the_limit_is_refused_at_once(alone):
    status, _ = alone.ask("POST", "/api/predict", b" " * (LIMIT + 1), JSON, "127.0.4.1")
    assert status == 413
    assert alone.ask("POST", "/api/predict", ROW.ljust(LIMIT), JSON, "127.0.4.1")[0] == 200


@pytest.mark.parametrize("path", ["/api/predict", "/api/predict/batch"])
@pytest.mark.parametrize(("chunk", "chunks"), [(65536, 320), (1, LIMIT + 1000)])
def test_a_chunked_body_over_the_limit_is_refused_with_bounded_memory(alone, path, chunk, chunks):
    workers, before, began = alone.workers(), resident(alone), busy_seconds(alone)
    answer = send_chunks(alone.port, path, chunk, chunks)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:100]
    assert busy_seconds(alone) - began < 10
    assert alone.workers() == workers
    assert resident(alone) - before < 50_000_000


def test_a_chunked_body_at_the_limit_is_answered(alone):
    answer = send_chunks(alone.port, "/api/predict", 1, LIMIT, ROW.encode().ljust(LIMIT))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:100]


@pytest.mark.parametrize("size", [b"-1", b"0x5", b"", b"5 ", b"fffffffffffffffff"])
def test_a_malformed_chunk_is_the_callers_fault(alone, size):
    head = b"POST /api/predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", alone.port), PATIENCE, ("127.0.4.3", 0)) as connection:
        connection.sendall(head + size + b"\r\nspaces\r\n0\r\n\r\n")
        assert status_of(connection) == 400


def send_chunks(port, path, size, count, body=None):
    """Send ``count`` chunks of ``size`` bytes, as far as the service reads them; returns the answer."""
    body = body or b" " * (size * count)
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    # Made before, so that a busy machine does not make a slow client of this.
    frames = b"".join(b"%x\r\n%b\r\n" % (size, body[i * size : (i + 1) * size]) for i in range(count))
    where = ("127.0.0.1", port)
    with (
        socket.create_connection(where, PATIENCE, ("127.0.4.2", 0)) as connection,
        ThreadPoolExecutor(1) as reader,
    ):
        # It may be refused before all was sent; who reads only then may be too late, and find a reset.
        answer = reader.submit(connection.recv, 4096)
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(frames + b"0\r\n\r\n")
        return answer.result()


def resident(service):
    """Memory of all workers, bytes."""
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in service.workers())
    return sum(pages) * 4096


def busy_seconds(service):
    """Processor time of all workers, which a busy machine does not stretch as it does the clock."""
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in service.workers())
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def test_a_worker_that_is_full_refuses_and_recovers(boxes_dir, tmp_path):
    settings = {"MODELS_DIR": boxes_dir, "MAX_IN_FLIGHT": 1, "WORKERS": 1}
    with gunicorn(tmp_path, **settings) as service:
        with ExitStack() as stack:

            def is_full():
                """Whether somebody who keeps a body back got in, before the one who asks."""
                slow = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
                head = b"POST /api/predict HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n"
                slow.sendall(head + b"Expect: 100-continue\r\n\r\n")
                assert slow.recv(100).startswith(b"HTTP/1.1 100")
                return predict(service, "127.0.0.2")[0] == 503

            wait_until(is_full)
            status, headers = predict(service, "127.0.0.2")
            assert (status, headers["Retry-After"]) == (503, "1")
            assert service.alive()
        wait_until(lambda: predict(service, "127.0.0.2")[0] == 200)


def test_requests_that_come_too_late_are_refused_before_the_others_are_answered(serve_model, tmp_path):
    models_dir = tmp_path / "models"
    serve_model(models_dir, fitted(PausingClassifier()), sample=BOXES)
    with gunicorn(tmp_path, MODELS_DIR=models_dir, WORKERS=1, MAX_IN_FLIGHT=5) as service:
        with ExitStack() as stack:
            where = ("127.0.0.1", service.port)
            kept = [stack.enter_context(socket.create_connection(where, PATIENCE)) for _ in range(40)]
            for connection in kept:  # from now on the worker knows them
                connection.sendall(REQUEST)
                assert status_of(connection) in {200, 503}
            for connection in kept:
                connection.sendall(REQUEST)
            ended = Counter(status_of(connection) for connection in kept)
        assert set(ended) == {200, 503}
        assert ended[503] > 10
        wait_until(lambda: predict(service, "127.0.0.2")[0] == 200)


REQUEST = (
    f"POST /api/predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(ROW)}\r\n\r\n{ROW}"
).encode()


def status_of(connection):
    """The status of the next answer on a socket that goes on."""
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


@pytest.mark.parametrize("framing", [b"Content-Length: 900000", b"Transfer-Encoding: chunked"])
def test_slow_uploads_do_not_make_the_service_refuse_others(boxes_dir, tmp_path, framing):
    head = b"POST /api/predict HTTP/1.1\r\nHost: test\r\n" + framing + b"\r\n\r\n"
    variables = {"MODELS_DIR": boxes_dir, "WORKERS": 1, "MAX_IN_FLIGHT": 10}
    with gunicorn(tmp_path, **variables) as service, ExitStack() as stack:
        for _ in range(40):
            where = ("127.0.0.1", service.port)
            stack.enter_context(socket.create_connection(where, PATIENCE)).sendall(head)
        assert {predict(service, "127.0.0.2")[0] for _ in range(20)} == {200}
