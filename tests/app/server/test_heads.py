import pytest
from gunicorn.config import Config

from app.server.heads import MOST, Heads

CLIENT, SERVER = ("127.0.0.1", 4242), ("127.0.0.1", 5000)


@pytest.fixture
def heads():
    return Heads(Config())


def request(*lines, body=b""):
    return b"\r\n".join([b"POST /x HTTP/1.1", b"Host: x", *lines, b"", body])


def find(heads, data, client=CLIENT):
    return heads.find(data, client, SERVER)


def test_whole_request_is_found_with_its_length(heads):
    data = request(b"Content-Length: 3", body=b"abc")
    head, size = find(heads, data + b"POST /next")
    assert (size, head.environ["PATH_INFO"]) == (len(data), "/x")


def test_length_is_known_before_the_body_is_there(heads):
    data = request(b"Content-Length: 99999")
    _, size = find(heads, data)
    assert size == len(data) + 99_999


def test_known_head_is_not_read_again(heads):
    first, _ = find(heads, request(b"Content-Length: 3", body=b"abc"))
    second, _ = find(heads, request(b"Content-Length: 3", body=b"xyz"))
    assert second is first


def test_head_from_another_address_is_read_anew(heads):
    first, _ = find(heads, request())
    second, _ = find(heads, request(), client=("127.0.0.2", 4242))
    assert (first.environ["REMOTE_ADDR"], second.environ["REMOTE_ADDR"]) == ("127.0.0.1", "127.0.0.2")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request()[:-2],
        request(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
        request(b"Content-Length: 999999"),
        request(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request(b"Expect: 100-continue"),
        request(b"Bad Name: x"),
        b"POST /api/models/rollback HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_the_loop_may_not_answer_is_not_found(heads, data):
    assert [find(heads, data) for _ in range(2)] == [None, None]


def test_what_belongs_to_one_connection_is_not_kept(heads):
    head, _ = find(heads, request())
    assert not {"REMOTE_PORT", "gunicorn.socket", "wsgi.early_hints"} & set(head.environ)


def test_heads_are_forgotten_when_there_are_many(heads):
    known = find(heads, request())[0]
    for number in range(MOST):
        find(heads, request(b"X-Request-ID: %d" % number))
    assert find(heads, request())[0] is not known
