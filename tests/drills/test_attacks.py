"""Attacks on the service's availability: others do not notice, and memory stays bounded."""

import json
from itertools import count
from random import Random
from time import sleep

import pytest

from tests.drills.attackers import (
    CHUNKED,
    attackers,
    dripping,
    guessing,
    lingering,
    one_by_one,
    post,
    reading_slowly,
    together,
    unfinished,
)
from tests.drills.others import ALLOWED
from tests.drills.traffic import ROW, milliseconds
from tests.gunicorn_worker.requests import mutated, written
from tests.services import gunicorn, wait_until

pytestmark = pytest.mark.drill

WORKERS, THREADS = 2, 4
KEY = "drill-0123456789abcdef"
GUARDED = {"API_KEY_1": KEY, "API_KEY_SCOPES": "predict,admin"}
NARROW = 400  # connections
LONG_BATCH = 15_000  # rows
RIGHT_KEY, WRONG_KEY = b"X-API-Key: " + KEY.encode(), b"X-API-Key: guess-0123456789abcdef"


GOOD = post(body=ROW.encode())


@pytest.fixture(scope="module")
def variables(forest_dir):
    return {"MODELS_DIR": forest_dir, "WORKERS": WORKERS, "LOG_LEVEL": "CRITICAL"}


@pytest.fixture(scope="module")
def open_service(variables, tmp_path_factory):
    """Who has no key may predict."""
    with gunicorn(tmp_path_factory.mktemp("open"), **variables) as service:
        yield service


@pytest.fixture(scope="module")
def guarded_service(variables, tmp_path_factory):
    """With a key, behind a proxy that tells the address of the client. Long bodies do not make the engine for
    batches here, whose memory is not the attackers'."""
    own = {**GUARDED, "TRUSTED_PROXIES": 1, "MAX_BATCH_SIZE": LONG_BATCH, "MODEL_ENGINE": "onnx"}
    with gunicorn(tmp_path_factory.mktemp("guarded"), **variables, **own) as service:
        yield service


@pytest.fixture(scope="module")
def narrow_service(variables, tmp_path_factory):
    """With so few connections that a slow machine fills them too."""
    options = f"--worker-connections {NARROW // WORKERS}"
    with gunicorn(
        tmp_path_factory.mktemp("narrow"), **variables, **GUARDED, GUNICORN_CMD_ARGS=options
    ) as service:
        yield service


def beginnings(number):
    """Requests cut at up to five places, one behind the head, as first and second of a connection."""
    chance = Random(0)
    requests = {request for request in [*written(), *mutated(400)] if 1 < len(request) < 16_384}
    cuts = [
        request[:place]
        for request in chance.sample(sorted(requests), 524)
        for place in {request.find(b"\r\n\r\n") + 4, *(chance.randrange(1, len(request)) for _ in range(4))}
    ]
    both = [(first, data) for data in cuts for first in (b"", GOOD)]
    return chance.sample(both, min(number, len(both)))


def test_unfinished_requests_make_nobody_wait(open_service, endured, length):
    requests = beginnings(int(length(300, 4104)))
    with (
        endured(open_service, f"{len(requests):,} unfinished requests"),
        attackers(unfinished, open_service.port, requests, 100, 2.0) as attack,
    ):
        assert attack.wait(120).answers["unfinished"] == len(requests)


NUMBER = WORKERS * THREADS * 4  # enough to hold every thread, wherever they go
CHUNK = b"1\r\n \r\n"
ADMINISTRATIVE = b"/api/models/nothing/verify"
BATCH = json.dumps({"samples": [[1, 1, 1]] * 50}).encode()
SMALL = b"GET /api/health HTTP/1.1\r\nHost: drill\r\n\r\n"
# Too long for the loop: it needs a thread.
LONG = json.dumps({"samples": [[1, 1, 1]] * LONG_BATCH}).encode()
HOLDING = {
    "refused clients that drip chunks": (dripping, post(CHUNKED, WRONG_KEY) + CHUNK, CHUNK, NUMBER, 0.25),
    "the same at an operator's route": (
        *(dripping, post(CHUNKED, WRONG_KEY, path=ADMINISTRATIVE) + CHUNK, CHUNK, NUMBER, 0.25),
    ),
    "clients that read batches slowly": (
        *(reading_slowly, post(RIGHT_KEY, path=b"/api/predict/batch", body=BATCH) * 80, NUMBER, 1.0),
    ),
    "clients that read 1,000 short answers slowly": (reading_slowly, SMALL * 1000, NUMBER, 1.0),
}


@pytest.mark.parametrize("kind", HOLDING)
def test_no_thread_is_held(guarded_service, endured, length, figure, kind):
    attack, *arguments = HOLDING[kind]
    what, waits = f"{NUMBER} {kind}", {"an operator": [], "a long body": []}
    with (
        endured(guarded_service, what, key=KEY),
        attackers(attack, guarded_service.port, *arguments) as under_way,
    ):
        for _ in range(int(length(2, 20))):
            sleep(1)
            waits["an operator"].append(wait_of(guarded_service, ADMINISTRATIVE.decode(), b"", 404))
            waits["a long body"].append(wait_of(guarded_service, "/api/predict/batch", LONG, 200))
        assert set(under_way.wait(0).answers) <= {"401", "429", "closed"}
    for who, seconds in waits.items():
        longest = max(seconds)
        figure("attacks", f"{what}: longest wait of {who}", milliseconds(longest), milliseconds(ALLOWED))
    assert max(map(max, waits.values())) <= ALLOWED


def wait_of(service, path, body, expected):
    """The seconds until an answer with the status that is expected."""
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    return wait_until(lambda: service.ask("POST", path, body, headers, source="127.0.5.3")[0] == expected)


@pytest.mark.parametrize("drop", [b"", b"a"], ids=["silent", "with a byte a second"])
def test_silent_connections_make_room_for_good_ones(open_service, endured, length, drop):
    number = 2100
    what = f"{number:,} connections of one address, {'a byte a second' if drop else 'silent'}"
    with (
        endured(open_service, what),
        attackers(dripping, open_service.port, drop, drop, number, 1.0, 1),
    ):
        sleep(length(4, 30))


# Whose clients leave their half open, as long as the service does.
LINGERING = {
    "400": b"nonsense\r\n",
    "401, with chunks to come": post(CHUNKED) + b"1\r\na\r\n",
    "404 and `Connection: close`": b"GET /x HTTP/1.1\r\nHost: drill\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("kind", LINGERING)
def test_closing_connections_make_room_for_good_ones(narrow_service, endured, length, kind):
    """As many at a time as would fill the limit if each were waited for."""
    number = 2100
    what = f"{number:,} connections of one address that get {kind}, where {NARROW} are allowed"
    with (
        endured(narrow_service, what, key=KEY),
        attackers(lingering, narrow_service.port, LINGERING[kind], number, 6.0, 6.0) as attack,
    ):
        tally = attack.wait(length(9, 30))
    assert tally.answers[kind[:3]] > number


NEVER_ENDING = [
    *(
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n",
        b"x" * 3000,
    ),
    *(
        b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (part * (16_000 // len(part)))
        for part in (b"/", b"/models/", b"%6d")
    ),
    *(post(path=b"/" + b"models/" * 280, body=b""), post(path=b"/" + b"%6d" * 670, body=b"")),
]


def test_heads_that_can_never_end_are_refused_at_once(open_service, endured, length, figure):
    with (
        endured(open_service, "heads that can never end, and long paths"),
        attackers(one_by_one, open_service.port, NEVER_ENDING, 100) as attack,
    ):
        tally = attack.wait(length(3, 30))
    figure(
        "attacks",
        "heads that can never end, and long paths: until refused",
        milliseconds(tally.longest),
        "1 s",
    )
    assert set(tally.answers) <= {"400", "404", "414"}
    assert tally.longest <= ALLOWED


@pytest.mark.parametrize("path", [b"/api/%6dodels/forest/verify", b"/%61pi/models/forest/activate?wait=true"])
def test_percent_encoded_calls_of_operators_run_beside_the_loop(guarded_service, endured, length, path):
    call = post(RIGHT_KEY, path=path, body=b"")
    with (
        endured(guarded_service, f"an operator's `{path.decode()}` again and again", key=KEY),
        attackers(together, guarded_service.port, [call], 1, int(length(10, 100))) as attack,
    ):
        assert set(attack.wait(120).answers) == {"200"}


@pytest.mark.parametrize("networks", [False, True], ids=["from one address", "from many networks"])
def test_wrong_keys_lock_nobody_out(guarded_service, endured, length, networks):
    number = int(length(5_000, 40_000))
    addresses = (f"{10 + place // 65_536}.{place // 256 % 256}.{place % 256}.1" for place in count())
    wrong = [
        post(
            WRONG_KEY,
            b"X-Forwarded-For: " + (next(addresses) if networks else "1.2.3.4").encode(),
            body=b"{}",
        )
        for _ in range(number)
    ]
    with (
        endured(
            guarded_service,
            f"{number:,} wrong keys {'of as many networks' if networks else 'of one address'}",
            key=KEY,
        ),
        attackers(guessing, guarded_service.port, wrong, 4) as attack,
    ):
        assert set(attack.wait(300).answers) <= {"401", "429"}
