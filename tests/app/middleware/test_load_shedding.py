import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from flask import request

from config import ConfigError
from tests.assertions import assert_error

PATIENCE = 30


@pytest.fixture
def busy(build_app):
    """An app whose ``/slow`` waits to be released; the returned events say that it began, and release it."""
    app = build_app(MAX_IN_FLIGHT=2)
    began, release = threading.Semaphore(0), threading.Event()

    @app.get("/slow")
    def slow():
        began.release()
        assert release.wait(PATIENCE)
        return {}

    @app.get("/failing")
    def failing():
        raise RuntimeError("inside")

    return app, began, release


def test_requests_beyond_the_limit_are_refused_until_others_end(busy):
    app, began, release = busy
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(app.test_client().get, "/slow") for _ in range(2)]
        assert all(began.acquire(timeout=PATIENCE) for _ in answers)
        refused = app.test_client().get("/api/model/info")
        probe = app.test_client().get("/api/health/live")
        release.set()
        assert [answer.result().status_code for answer in answers] == [200, 200]
    assert_error(refused, 503, "overloaded")
    assert refused.headers["Retry-After"] == "1"
    assert probe.status_code == 200
    assert app.test_client().get("/slow").status_code == 200


def test_requests_that_wait_for_a_thread_count(busy):
    app, *_ = busy
    shedder = app.extensions["load_shedder"]
    shedder.waiting = lambda: 2
    assert_error(app.test_client().get("/api/model/info"), 503, "overloaded")
    shedder.waiting = lambda: 1
    assert app.test_client().get("/api/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/failing", "/api/nothing", "/api/health"])
def test_however_a_request_ends_it_is_no_longer_counted(busy, path):
    app, *_ = busy
    app.testing = False
    for _ in range(5):
        app.test_client().get(path)
    assert app.extensions["load_shedder"].in_flight == 0


def test_an_error_that_leaves_the_app_is_no_longer_counted(busy):
    app, *_ = busy
    app.teardown_request(lambda _: 1 / 0)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            app.test_client().get("/api/nothing")
    assert app.extensions["load_shedder"].in_flight == 0


def test_refused_requests_do_not_keep_others_out(busy):
    app, *_ = busy
    shedder = app.extensions["load_shedder"]
    shedder.waiting = lambda: 2
    assert {app.test_client().get("/api/model/info").status_code for _ in range(5)} == {503}
    shedder.waiting = lambda: 0
    assert app.test_client().get("/api/nothing").status_code == 404


def test_zero_is_no_limit(build_app):
    app = build_app(MAX_IN_FLIGHT=0)
    app.extensions["load_shedder"].waiting = lambda: 1_000_000
    assert app.test_client().get("/api/nothing").status_code == 404


@pytest.fixture
def reading(build_app):
    """An app that holds bodies of 1 MB in all; ``/read`` keeps its body until it is released."""
    app = build_app(MAX_BYTES_IN_FLIGHT=1_000_000, MAX_CONTENT_LENGTH=800_000)
    held, release = threading.Semaphore(0), threading.Event()

    @app.post("/read")
    def read():
        length = len(request.get_data())
        held.release()
        assert release.wait(PATIENCE)
        return {"length": length}

    return app, held, release


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_bodies_beyond_the_bytes_in_flight_are_refused_until_others_end(reading, chunked):
    app, held, release = reading
    if chunked:
        options = {"environ_overrides": {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}}
    else:
        options = {"environ_overrides": {"CONTENT_LENGTH": "600000"}}

    def ask():
        return app.test_client().post("/read", input_stream=BytesIO(b"x" * 600_000), **options)

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(ask)
        assert held.acquire(timeout=PATIENCE)
        refused = ask()
        short = threads.submit(app.test_client().get, "/api/health/live")
        release.set()
        assert first.result().get_json() == {"length": 600_000}
    assert_error(refused, 503, "overloaded")
    assert refused.headers["Retry-After"] == "1"
    assert short.result().status_code == 200
    assert ask().status_code == 200
    assert app.extensions["load_shedder"].bytes_in_flight == 0


def test_room_for_less_than_one_body_stops_the_start(build_app):
    with pytest.raises(ConfigError, match="MAX_BYTES_IN_FLIGHT=999: must have room for a body of"):
        build_app(MAX_BYTES_IN_FLIGHT=999, MAX_CONTENT_LENGTH=1000)
