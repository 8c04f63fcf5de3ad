"""Requests that no client means well: each is refused, and nothing else happens."""

import socket
from contextlib import suppress
from time import monotonic

import pytest

from tests.drills.memory import megabytes, resident
from tests.drills.traffic import ROW, kinds, milliseconds, traffic
from tests.nginx import nginx
from tests.services import PATIENCE, gunicorn, wait_until

pytestmark = pytest.mark.drill

LIMIT = 10_000_000  # bytes: MAX_CONTENT_LENGTH, and of nginx
GROWTH = 50_000_000  # bytes, of all workers: a few bodies of the largest size
PATHS = ["/api/predict", "/api/predict/batch", "/api/predict/fast"]
# What a request smuggles in: if it is ever answered, there are two answers.
SMUGGLED = b"GET /api/health/live HTTP/1.1\r\nHost: drill\r\n\r\n"
ALIVE = b'"alive"'


def post(*lines, body=b"", path="/api/predict"):
    head = [f"POST {path} HTTP/1.1".encode(), b"Host: drill", b"Content-Type: application/json", *lines]
    return b"\r\n".join([*head, b"", body])


def declared(body, path="/api/predict"):
    return post(b"Content-Length: %d" % len(body), body=body, path=path)


def nested(depth):
    return declared(b'{"features": ' + b"[" * depth + b"]" * depth + b"}")


CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLING = {
    "CL.TE": post(b"Content-Length: %d" % (5 + len(SMUGGLED)), CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
    "TE.CL": post(CHUNKED, b"Content-Length: 4", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
    "TE.TE": post(CHUNKED, b"Transfer-Encoding: x", body=b"0\r\n\r\n" + SMUGGLED),
    "TE.TE identity": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED),
    "TE with a space": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "TE with a tab": post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    "length with a sign": post(b"Content-Length: +0", body=SMUGGLED),
    "length beyond 64 bits": post(b"Content-Length: 18446744073709551616", body=SMUGGLED),
    "chunk size beyond 64 bits": post(CHUNKED, body=b"10000000000000000\r\n" + SMUGGLED),
    "chunk size with 0x": post(CHUNKED, body=b"0x0\r\n\r\n" + SMUGGLED),
    "chunk size with a sign": post(CHUNKED, body=b"-1\r\n\r\n" + SMUGGLED),
    "bare LF": post(b"Content-Length: 0\nX: y", body=SMUGGLED).replace(b"\r\n", b"\n"),
    "bare CR": post(b"X: y\rContent-Length: 5", body=SMUGGLED),
    "duplicate Host": post(b"Host: evil.example", b"Content-Length: 0", body=SMUGGLED),
    "obs-fold": post(b"X: y\r\n Content-Length: 5", b"Content-Length: 0", body=SMUGGLED),
    "NUL in a header": post(b"X: a\0b", b"Content-Length: 0", body=SMUGGLED),
    "no colon": post(b"Nonsense", b"Content-Length: 0", body=SMUGGLED),
    "space before a header": post(b" Content-Length: 0", body=SMUGGLED),
}
WRONG = {
    "nothing": declared(b""),
    "text": declared(b"hello"),
    "null": declared(b"null"),
    "a list": declared(b"[1, 2, 3]"),
    "numbers as text": declared(b'{"features": ["1", "2", "3"]}'),
    "booleans": declared(b'{"features": [true, false, true]}'),
    "NaN": declared(b'{"features": [NaN, 1, 1]}'),
    "1e400": declared(b'{"features": [1e400, 1, 1]}'),
    "5,000 digits": declared(b'{"features": [' + b"9" * 5000 + b", 1, 1]}"),
    "half a document": declared(b'{"features": [1, 1'),
    "not UTF-8": declared(b'{"features": "\xff\xfe"}'),
    "lone surrogate": declared(b'{"features": "\\ud800"}'),
    "nested 1,025 deep": nested(1025),
    "nested 150,000 deep": nested(150_000),
    "a pickle": declared(b"cos\nsystem\n(S'true'\ntR.").replace(b"application/json", b"application/x-pickle"),
    "gzip": post(b"Content-Encoding: gzip", b"Content-Length: 4", body=b"\x1f\x8b\x08\x00"),
    "unknown method": declared(ROW.encode()).replace(b"POST", b"BREW", 1),
    "TRACE": b"TRACE /api/predict HTTP/1.1\r\nHost: drill\r\n\r\n",
    "100,000 unknown fields": declared(b"{" + b",".join(b'"f%d": 1' % n for n in range(100_000)) + b"}"),
    "too many headers": post(*(b"X-%d: y" % n for n in range(200)), b"Content-Length: 0"),
    "a header too long": post(b"X: " + b"y" * 100_000, b"Content-Length: 0"),
    "an address too long": declared(ROW.encode(), "/" + "x" * 100_000),
}


@pytest.fixture(scope="module")
def service(forest_dir, tmp_path_factory):
    directory = tmp_path_factory.mktemp("hostile")
    variables = {"MODELS_DIR": forest_dir, "WORKERS": 2, "TRUSTED_PROXIES": 1, "LOG_LEVEL": "ERROR"}
    with gunicorn(directory, **variables, MAX_CONTENT_LENGTH=LIMIT) as service:
        yield service


@pytest.fixture(scope="module")
def proxy(service, tmp_path_factory):
    with nginx(tmp_path_factory.mktemp("nginx"), service.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def ports(service, proxy):
    return {"gunicorn": service.port, "nginx": proxy.port}


@pytest.fixture(params=["gunicorn", "nginx"])
def way(request):
    return request.param


@pytest.fixture(autouse=True)
def _nothing_restarts_and_good_clients_are_served(service, ports, way):
    workers = service.workers()
    with traffic(ports[way], rate=10, source="127.0.5.1") as good:
        yield
        wait_until(lambda: bool(good.outcomes))  # what is refused at once is over before the first of them
    assert service.workers() == workers
    assert kinds(good.outcomes) == {"200": len(good.outcomes)}


def answers(port, data):
    """All that comes back until the server closes, or says nothing for a second, or two before it begins."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.0.5.2", 0)) as connection:
        # It may be refused before all was sent, with the answer on its way.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        connection.settimeout(2 if len(data) < 100_000 else PATIENCE)
        with suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65536):
                received += part
                connection.settimeout(1)
    return received


def statuses(received):
    """Of all answers in it."""
    parts = received.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts]


@pytest.mark.parametrize("name", SMUGGLING)
def test_nothing_is_smuggled(ports, proxy, way, name):
    before = asked(proxy)
    received = answers(ports[way], SMUGGLING[name])
    found = statuses(received)
    if way == "nginx" and asked(proxy) > before:
        # nginx took a line feed for the end of a line, or dropped a line without a colon, and saw two
        # requests after one another; the service must have seen the same two.
        assert len(found) == 2
    else:
        assert ALIVE not in received
        assert [status for status in found if not 400 <= status < 500 and status != 501] == []
        assert len(found) <= 1


def asked(proxy):
    """How often nginx was asked for what is smuggled in."""
    return proxy.output.read_text().count('"path":"/api/health/live"')


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(ports, way, name):
    (status,) = statuses(answers(ports[way], WRONG[name]))
    assert 400 <= status < 500


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_bodies_over_the_limit_cost_no_memory(service, ports, length, figure, way, chunked):
    times = length(5, 50)
    body = b" " * (LIMIT + 1)
    frame = CHUNKED + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    data = post() if chunked else declared(body)
    data = data[:-2] + frame if chunked else data
    assert statuses(answers(ports[way], data)) == [413]
    before = resident(service)
    found = [statuses(answers(ports[way], data)) for _ in range(times)]
    grown = resident(service) - before
    kind = "chunked" if chunked else "declared"
    figure(
        "hostile requests", f"{times} bodies over the limit, {kind}, {way}: memory", megabytes(grown), "flat"
    )
    assert found == [[413]] * times
    assert grown < GROWTH


@pytest.mark.parametrize("path", PATHS)
def test_flood_of_chunks_is_refused(service, ports, length, figure, way, path):
    chunks = length(100_000, 1_000_000)
    data = post(CHUNKED, b"Connection: close", body=b"1\r\n \r\n" * chunks + b"0\r\n\r\n", path=path)
    before, began = resident(service), monotonic()
    found = statuses(answers(ports[way], data))
    took, grown = monotonic() - began, resident(service) - before
    figure(
        "hostile requests",
        f"{chunks:,} chunks of one byte to {path}, {way}: time, memory",
        f"{milliseconds(took)}, {megabytes(grown)}",
        "4xx, memory flat",
    )
    assert found == [400]
    assert grown < GROWTH
