import pytest
from gunicorn.config import Config

from gunicorn_worker.inspection import HEAD_CACHE_SIZE, MAX_HEAD_BYTES, MAX_INLINE_BYTES, RequestInspector

CLIENT, SERVER = ("127.0.0.1", 4242), ("127.0.0.1", 5000)


@pytest.fixture
def inspect():
    inspector = RequestInspector(Config(), lambda path: path.startswith("/models/"))
    return lambda data, client=CLIENT, **options: inspector.inspect(data, client, SERVER, **options)


def head(*lines, line=b"POST /x HTTP/1.1", body=b""):
    return b"\r\n".join([line, b"Host: x", *lines, b"", body])


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"POST", 1),
        (head(), 0),
        (head()[:-2], 1),
        (head(b"content-length: 3", body=b"abc"), 0),
        (head(b"CONTENT-LENGTH:3", body=b"abcd"), 0),
        (head(b"Content-Length: 3", body=b"a"), 2),
        (head(b"X-Content-Length: 3"), 0),
        (head(b"Content-Length: %d" % MAX_INLINE_BYTES), None),
        (head(b"Content-Length: " + b"9" * 2000), None),
        (head(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), None),
        (head(b"Expect: 100-continue", b"Content-Length: 3"), None),
        (b"GET / HTTP/1.1\r\n".ljust(MAX_HEAD_BYTES - 1, b"x"), 1),
        (b"GET / HTTP/1.1\r\n".ljust(MAX_HEAD_BYTES, b"x"), None),
        (b"GET /".ljust(4094, b"x"), 1),
        (head(b"Content-Length: 99999", body=b"a" * 50_000), 49_999),
    ],
)
def test_missing_bytes_are_counted(inspect, data, missing):
    assert inspect(data).missing == missing


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (b"000000000000500", 500),
        (b"0000000000000000000000000000000000000003", 3),
        (b" 12 ", 12),
        (b"00", 0),
    ],
)
def test_length_is_what_gunicorn_parses(inspect, value, length):
    inspection = inspect(head(b"Content-Length: " + value))
    assert (inspection.head.body_length, inspection.missing) == (length, length)


@pytest.mark.parametrize("value", [b"+5", b"5, 5", b"0x10", b"1e3", b"-1", b"", b"5;", b"5 5"])
def test_length_that_gunicorn_rejects_is_left_to_a_thread(inspect, value):
    assert inspect(head(b"Content-Length: " + value)).missing is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\n\n",
        b"GET /\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n",
        b"nonsense\r\n",
        b"GET / HTTP/9.9\r\n",
        b"\x00\x00\x00",
        b"GET /".ljust(4097, b"x"),
        b"\r\nGET /".ljust(4099, b"x"),
    ],
)
def test_bytes_that_can_begin_no_head_are_an_error_at_once(inspect, data):
    assert inspect(data).error is not None


def test_inspected_lines_are_not_inspected_again(inspect, monkeypatch):
    data = b"GET / HTTP/1.1\r\nHost: x"
    assert inspect(data).missing == 1
    monkeypatch.setattr("gunicorn_worker.inspection.Request", None)
    assert inspect(data + b"y", inspected_lines=1).missing == 1


@pytest.mark.parametrize(
    "line",
    [
        b"POST /models/v1/activate?wait=true",
        b"DELETE /models/v1",
        b"POST /%6dodels/v1/activate",
        b"POST http://x/models/v1/activate",
    ],
)
def test_operator_call_is_left_to_a_thread_of_its_own(inspect, line):
    inspection = inspect(head(line=line + b" HTTP/1.1"))
    assert (inspection.missing, inspection.head.administrative) == (None, True)


@pytest.mark.parametrize("line", [b"POST /predict", b"GET /models/v1", b"OPTIONS /models/v1"])
def test_other_calls_are_answered_in_the_main_loop(inspect, line):
    assert inspect(head(line=line + b" HTTP/1.1")).missing == 0


def test_whole_request_is_found_with_its_size(inspect):
    data = head(b"Content-Length: 3", body=b"abc")
    inspection = inspect(data + b"POST /next")
    assert (inspection.size, inspection.head.environ["PATH_INFO"]) == (len(data), "/x")


def test_cached_head_is_not_parsed_again(inspect):
    first = inspect(head(b"Content-Length: 3", body=b"abc")).head
    assert inspect(head(b"Content-Length: 3", body=b"xyz")).head is first


def test_head_from_another_client_ip_is_parsed_anew(inspect):
    first, second = inspect(head()).head, inspect(head(), ("127.0.0.2", 4242)).head
    assert (first.environ["REMOTE_ADDR"], second.environ["REMOTE_ADDR"]) == ("127.0.0.1", "127.0.0.2")


def test_keys_of_one_connection_are_not_cached(inspect):
    assert not {"REMOTE_PORT", "gunicorn.socket", "wsgi.early_hints"} & set(inspect(head()).head.environ)


def test_head_cache_is_bounded(inspect):
    known = inspect(head()).head
    for number in range(HEAD_CACHE_SIZE):
        inspect(head(b"X-Request-ID: %d" % number))
    assert inspect(head()).head is not known


def test_path_of_thousands_of_slashes_is_inspected_in_linear_time(inspect):
    """The pattern must not start again from each slash; measured in CPU time, as a ratio."""
    from time import process_time

    def seconds(slashes):
        began = process_time()
        for number in range(20):
            inspect(head(b"X: %d" % number, line=b"POST " + b"/models" * slashes + b" HTTP/1.1"))
        return process_time() - began

    seconds(10)
    assert seconds(500) < 40 * max(seconds(50), 0.001)  # ten times as long; a quadratic one takes a hundred
