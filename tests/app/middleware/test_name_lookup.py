from threading import Event

import pytest

from app.middleware.name_lookup import STALE_AFTER, NameLookup
from tests.services import wait_until

PATIENT, IMPATIENT = 10, 0.01


def test_a_known_name_returns_and_an_unknown_one_raises():
    names = NameLookup()
    names.wait("localhost", 80, seconds=PATIENT)
    with pytest.raises(OSError, match="unknown"):
        NameLookup(unknown).wait("x", 80, seconds=PATIENT)


def unknown(host, port):
    raise OSError(f"{host} is unknown")


def test_a_slow_look_up_is_left_alone_and_found_finished_later():
    answer, asked = Event(), []

    def slow(host, port):
        asked.append(host)
        answer.wait(PATIENT)

    names = NameLookup(slow)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            names.wait("x", 80, seconds=IMPATIENT)
    assert asked == ["x"]
    answer.set()
    names.wait("x", 80, seconds=PATIENT)
    names.wait("x", 80, seconds=PATIENT)
    wait_until(lambda: asked == ["x", "x"])


def test_a_look_up_that_takes_too_long_is_begun_anew():
    answer, asked, now = Event(), [], 0.0

    def hangs_once(host, port):
        asked.append(host)
        if len(asked) == 1:
            answer.wait(PATIENT)

    names = NameLookup(hangs_once, clock=lambda: now)
    with pytest.raises(TimeoutError):
        names.wait("x", 80, seconds=IMPATIENT)
    now = STALE_AFTER + 1
    names.wait("x", 80, seconds=PATIENT)
    assert asked == ["x", "x"]
    answer.set()
