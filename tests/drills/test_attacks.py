"""Attacks on the service's availability: others do not notice, and memory stays bounded."""

import json
from contextlib import contextmanager
from itertools import count
from random import Random
from time import sleep

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from app.models.publishing.publish import publish
from app.models.store import ModelStore
from tests.app.server.requests import mutated, written
from tests.drills.attackers import (
    attackers,
    dripping,
    guessing,
    one_by_one,
    reading_slowly,
    together,
    unfinished,
)
from tests.drills.forest import publish_forest
from tests.drills.memory import peak
from tests.drills.traffic import ROW, kinds, milliseconds, percentile, traffic
from tests.services import gunicorn, wait_until

pytestmark = pytest.mark.drill

PROMISED = 0.1  # s that others may wait
ALLOWED = 1.0  # s: the longest of many, on a machine that does other things too
TIMES = 1.5  # what a worker may hold, of what it held before
WORKERS, THREADS = 2, 4
KEY = "drill-0123456789abcdef"
RIGHT_KEY, WRONG_KEY = b"X-API-Key: " + KEY.encode(), b"X-API-Key: guess-0123456789abcdef"


def post(*lines, path=b"/api/predict", body=None):
    """A request; without ``body`` its head, whose lines say what follows."""
    length = [] if body is None else [b"Content-Length: %d" % len(body)]
    fields = [b"Host: drill", b"Content-Type: application/json", *lines, *length]
    return b"\r\n".join([b"POST %b HTTP/1.1" % path, *fields, b"", body or b""])


CHUNKED = b"Transfer-Encoding: chunked"
GOOD = post(body=ROW.encode())


@pytest.fixture
def endured(figure):
    """Run a block during which others ask the service, and see to it that they do not notice."""

    @contextmanager
    def endured(service, what, *, key="", memory=False):
        options = {"rate": 10, "key": key}
        workers = service.workers()
        with (
            traffic(service.port, **options, source="127.0.5.1") as kept,
            traffic(service.port, **options, source="127.0.5.2", keep=False) as new,
            peak(service) as highest,
        ):
            wait_until(lambda: kept.outcomes and new.outcomes)
            yield
        outcomes = kept.outcomes + new.outcomes
        longest = max(outcome.seconds for outcome in outcomes)
        p99 = min(percentile(outcomes, 99), longest)  # which is guessed from less than a hundred
        measured = f"{milliseconds(longest)}, p99 {milliseconds(p99)}"
        figure("attacks", f"{what}: longest wait of others", measured, milliseconds(PROMISED))
        if memory:
            figure("attacks", f"{what}: memory of a worker", f"{highest.times:.2f} × idle", f"{TIMES} × idle")
        assert service.workers() == workers
        assert kinds(outcomes) == {"200": len(outcomes)}
        assert p99 <= PROMISED
        assert longest <= ALLOWED
        assert not memory or highest.times <= TIMES

    return endured


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
    """With a key, behind a proxy that tells the address of the client."""
    own = {"API_KEY_1": KEY, "API_KEY_SCOPES": "predict,admin", "TRUSTED_PROXIES": 1, "MAX_BATCH_SIZE": 1000}
    with gunicorn(tmp_path_factory.mktemp("guarded"), **variables, **own) as service:
        yield service


def beginnings(number):
    """Requests cut at up to five places, as the first and as the second request of a connection."""
    chance = Random(0)
    requests = [*written(), *mutated(400)]
    heads = {request[: request.find(b"\r\n\r\n") + 4] or request for request in requests}
    some = chance.sample(sorted(head for head in heads if 1 < len(head) < 16_384), 524)
    cuts = [head[:place] for head in some for place in {chance.randrange(1, len(head)) for _ in range(5)}]
    both = [(first, data) for data in cuts for first in (b"", GOOD)]
    return chance.sample(both, min(number, len(both)))


def test_unfinished_requests_make_nobody_wait(open_service, endured, length):
    requests = beginnings(int(length(800, 4104)))
    with (
        endured(open_service, f"{len(requests):,} unfinished requests"),
        attackers(unfinished, open_service.port, requests, 100, 2.0) as attack,
    ):
        assert attack.wait(120).answers["unfinished"] == len(requests)


NUMBER = WORKERS * THREADS * 4
CHUNK = b"1\r\n \r\n"
ADMINISTRATIVE = b"/api/models/nothing/verify"
BATCH = json.dumps({"samples": [[1, 1, 1]] * 1000}).encode()
SMALL = b"GET /api/health HTTP/1.1\r\nHost: drill\r\n\r\n"
HOLDING = {
    "refused clients that drip chunks": (dripping, post(CHUNKED, WRONG_KEY) + CHUNK, CHUNK, NUMBER, 0.25),
    "the same at an operator's route": (
        *(dripping, post(CHUNKED, WRONG_KEY, path=ADMINISTRATIVE) + CHUNK, CHUNK, NUMBER, 0.25),
    ),
    "clients that read batches slowly": (
        *(reading_slowly, post(RIGHT_KEY, path=b"/api/predict/batch", body=BATCH) * 9, NUMBER, 1.0),
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
        for _ in range(int(length(4, 30))):
            sleep(1)
            waits["an operator"].append(wait_of(guarded_service, ADMINISTRATIVE.decode(), b"", 404))
            long = ROW.encode().ljust(200_000)
            waits["a long body"].append(wait_of(guarded_service, "/api/predict", long, 200))
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
        endured(open_service, what, memory=True),
        attackers(dripping, open_service.port, drop, drop, number, 1.0, 1),
    ):
        sleep(length(6, 40))


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
        tally = attack.wait(length(6, 30))
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
    number = int(length(10_000, 60_000))
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
            memory=True,
        ),
        attackers(guessing, guarded_service.port, wrong, 4) as attack,
    ):
        assert set(attack.wait(300).answers) <= {"401", "429"}


@pytest.fixture(scope="module")
def wide_service(variables, tmp_path_factory):
    """A model of 2,000 columns beside the forest that others ask, and bodies of 10 MB are read."""
    directory = tmp_path_factory.mktemp("wide")
    root = publish_forest(directory / "models")
    columns = [f"column_{number}" for number in range(2000)]
    data = pd.DataFrame(np.random.default_rng(0).uniform(0, 1, (50, 2000)), columns=columns)
    store = ModelStore(root / "wide")
    publish(store, LogisticRegression().fit(data, np.arange(50) % 2), sample=data, version="wide")
    store.activate("wide")
    with gunicorn(directory, **variables | {"MODELS_DIR": root}, MAX_CONTENT_LENGTH=10_000_000) as service:
        yield service


def test_unknown_names_hold_up_nobody(wide_service, endured, length, figure):
    names = {f"columm_{number}_of_another_table_{number}"[:38]: 0.5 for number in range(100)}
    body = json.dumps({"features": names}).encode()
    request = post(path=b"/api/models/wide/predict", body=body)
    with (
        endured(wide_service, "100 unknown names for 2,000 columns, 5 a second"),
        attackers(one_by_one, wide_service.port, [request], 5) as attack,
    ):
        tally = attack.wait(length(5, 30))
    what = f"100 unknown names for 2,000 columns, a body of {len(body):,} bytes: until refused"
    figure("attacks", what, milliseconds(tally.longest), milliseconds(PROMISED))
    assert set(tally.answers) == {"400"}


SIZE = 9_900_000
LARGE = {
    "numbers": b'{"features": [' + b"1.5, " * (SIZE // 5) + b"1]}",
    "rows": b'{"samples": [' + b"[1, 1, 1], " * (SIZE // 11) + b"[1, 1, 1]]}",
    "a name": b'{"features": {"' + b"x" * SIZE + b'": 1}}',
    "lists": b'{"features": [' + b"[], " * (SIZE // 4) + b"[]]}",
}


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_large_bodies_cost_bounded_memory(wide_service, endured, length, chunked):
    path = b"/api/predict/batch"
    requests = [
        post(CHUNKED, path=path) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        if chunked
        else post(path=path, body=body)
        for body in LARGE.values()
    ]
    times = int(length(2, 12))
    what = f"16 bodies of 9.9 MB at a time, {'chunked' if chunked else 'declared'}"
    with (
        endured(wide_service, what, memory=True),
        attackers(together, wide_service.port, requests, 16, times) as attack,
    ):
        tally = attack.wait(120)
    assert sum(tally.answers.values()) == 16 * times
    assert set(tally.answers) <= {"400", "413", "503"}
