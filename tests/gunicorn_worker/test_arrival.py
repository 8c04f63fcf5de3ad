import pytest
from gunicorn.config import Config

from gunicorn_worker.arrival import IN_PLACE, KNOWN_HEADS, LONGEST_HEAD, Arrivals

CLIENT, SERVER = ("127.0.0.1", 4242), ("127.0.0.1", 5000)


@pytest.fixture
def arrivals():
    return Arrivals(Config(), lambda path: path.startswith("/models/"))


@pytest.fixture
def look(arrivals):
    return lambda data, client=CLIENT, **options: arrivals.look(data, client, SERVER, **options)


def head(*lines, line=b"POST /x HTTP/1.1", body=b""):
    return b"\r\n".join([line, b"Host: x", *lines, b"", body])


@pytest.mark.parametrize(
    ("data", "lacking"),
    [
        (b"POST", 1),
        (head(), 0),
        (head()[:-2], 1),
        (head(b"content-length: 3", body=b"abc"), 0),
        (head(b"CONTENT-LENGTH:3", body=b"abcd"), 0),
        (head(b"Content-Length: 3", body=b"a"), 2),
        (head(b"X-Content-Length: 3"), 0),
        (head(b"Content-Length: %d" % IN_PLACE), None),
        (head(b"Content-Length: " + b"9" * 2000), None),
        (head(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), None),
        (head(b"Expect: 100-continue", b"Content-Length: 3"), None),
        (b"GET / HTTP/1.1\r\n".ljust(LONGEST_HEAD - 1, b"x"), 1),
        (b"GET / HTTP/1.1\r\n".ljust(LONGEST_HEAD, b"x"), None),
        (b"GET /".ljust(4094, b"x"), 1),
        (head(b"Content-Length: 99999", body=b"a" * 50_000), 49_999),
    ],
)
def test_lacking_is_what_a_request_lacks(look, data, lacking):
    assert look(data).lacking == lacking


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (b"000000000000500", 500),
        (b"0000000000000000000000000000000000000003", 3),
        (b" 12 ", 12),
        (b"00", 0),
    ],
)
def test_length_is_what_gunicorn_reads(look, value, length):
    arrival = look(head(b"Content-Length: " + value))
    assert (arrival.head.body_length, arrival.lacking) == (length, length)


@pytest.mark.parametrize("value", [b"+5", b"5, 5", b"0x10", b"1e3", b"-1", b"", b"5;", b"5 5"])
def test_length_that_gunicorn_refuses_is_left_to_a_thread(look, value):
    assert look(head(b"Content-Length: " + value)).lacking is None


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
def test_bytes_that_can_begin_no_head_are_refused_at_once(look, data):
    assert look(data).refusal is not None


def test_lines_that_were_looked_at_are_not_looked_at_again(look, monkeypatch):
    data = b"GET / HTTP/1.1\r\nHost: x"
    assert look(data).lacking == 1
    monkeypatch.setattr("gunicorn_worker.arrival.Request", None)
    assert look(data + b"y", known_lines=1).lacking == 1


@pytest.mark.parametrize(
    "line",
    [
        b"POST /models/v1/activate?wait=true",
        b"DELETE /models/v1",
        b"POST /%6dodels/v1/activate",
        b"POST http://x/models/v1/activate",
    ],
)
def test_call_of_an_operator_is_left_to_a_thread_of_its_own(look, line):
    arrival = look(head(line=line + b" HTTP/1.1"))
    assert (arrival.lacking, arrival.head.administrative) == (None, True)


@pytest.mark.parametrize("line", [b"POST /predict", b"GET /models/v1", b"OPTIONS /models/v1"])
def test_any_other_call_is_answered_in_the_loop(look, line):
    assert look(head(line=line + b" HTTP/1.1")).lacking == 0


def test_whole_request_is_found_with_its_size(look):
    data = head(b"Content-Length: 3", body=b"abc")
    arrival = look(data + b"POST /next")
    assert (arrival.size, arrival.head.environ["PATH_INFO"]) == (len(data), "/x")


def test_known_head_is_not_read_again(look):
    first = look(head(b"Content-Length: 3", body=b"abc")).head
    assert look(head(b"Content-Length: 3", body=b"xyz")).head is first


def test_head_from_another_address_is_read_anew(look):
    first, second = look(head()).head, look(head(), ("127.0.0.2", 4242)).head
    assert (first.environ["REMOTE_ADDR"], second.environ["REMOTE_ADDR"]) == ("127.0.0.1", "127.0.0.2")


def test_what_belongs_to_one_connection_is_not_kept(look):
    assert not {"REMOTE_PORT", "gunicorn.socket", "wsgi.early_hints"} & set(look(head()).head.environ)


def test_heads_are_forgotten_when_there_are_many(look):
    known = look(head()).head
    for number in range(KNOWN_HEADS):
        look(head(b"X-Request-ID: %d" % number))
    assert look(head()).head is not known


def test_path_of_thousands_of_slashes_is_looked_at_in_no_time(look):
    """The pattern may not try again from each slash: in proportion, by the processor's time."""
    from time import process_time

    def seconds(slashes):
        began = process_time()
        for number in range(20):
            look(head(b"X: %d" % number, line=b"POST " + b"/models" * slashes + b" HTTP/1.1"))
        return process_time() - began

    seconds(10)
    assert seconds(500) < 40 * max(seconds(50), 0.001)  # ten times as long; a quadratic one takes a hundred
