import pytest

from app.server.arrival import IN_PLACE, LONGEST_HEAD, missing


def head(*lines, body=b""):
    return b"\r\n".join([b"POST / HTTP/1.1", *lines, b"", body])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"POST", 1),
        (head(), 0),
        (head()[:-2], 1),
        (head(b"content-length: 3", body=b"abc"), 0),
        (head(b"CONTENT-LENGTH:3", body=b"abcd"), 0),
        (head(b"Content-Length: 3", body=b"a"), 2),
        (head(b"X-Content-Length: 3"), 0),
        (head(b"Content-Length: %d" % IN_PLACE), None),
        (head(b"Content-Length: " + b"9" * 5000), None),
        (head(b"Transfer-Encoding: chunked", b"Content-Length: 0"), None),
        (head(b"Expect: 100-continue", b"Content-Length: 3"), None),
        (b"\r\n" + head(), None),
        (b"\r\n\r\n", None),
        (b"x" * (LONGEST_HEAD - 1), 1),
        (b"x" * LONGEST_HEAD, None),
        (head(b"Content-Length: 99999", body=b"a" * 50_000), 49_999),
    ],
)
def test_missing_is_what_a_request_lacks(data, expected):
    assert missing(data) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"POST /api/models/v1/activate?wait=true",
        b"POST /api/models/rollback",
        b"POST /api/models/v1/verify",
        b"POST /api/models/routing",
        b"DELETE /api/models/v1",
        b"delete http://x/api/models/v1",
    ],
)
def test_call_of_an_operator_is_left_to_a_thread(line):
    assert missing(line + b" HTTP/1.1\r\nHost: x\r\n\r\n") is None


@pytest.mark.parametrize(
    "line",
    [
        b"POST /api/predict",
        b"GET /api/models",
        b"POST /api/models/fraud/predict",
        b"POST /api/models/fraud/predict?x=y",
        b"POST /api/models/fraud/predict/batch",
    ],
)
def test_prediction_is_answered_in_the_loop(line):
    assert missing(line + b" HTTP/1.1\r\nHost: x\r\n\r\n") == 0
