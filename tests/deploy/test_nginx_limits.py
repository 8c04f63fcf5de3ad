"""What nginx.conf admits of one address, and what .env decides of it."""

import json
import re
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from app.middleware.route_table import ROUTE_TABLE
from tests import settings
from tests.deploy.asking import JSON, LIMIT, ROW, ask, logged, sent
from tests.nginx import SOURCE, certificate, configure, nginx, with_tls
from tests.services import PATIENCE, missing, wait_until

pytestmark = pytest.mark.server


def test_caller_who_asks_too_often_is_told_when_to_come_back(proxy):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ask(proxy, path="/nowhere", source="127.0.0.20"), range(1500)))
    assert {answer.status for answer in answers} == {404, 429}
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.error["error_type"], refused.headers["Retry-After"]) == ("rate_limit_exceeded", "1")
    assert refused.error["error"] == "Too many requests from this address"
    assert refused.error["details"] == {"retry_after": 1, "limit_of": "proxy"}
    assert ask(proxy, "POST", "/api/predict", ROW, JSON, source="127.0.0.21").status == 200


def test_caller_with_too_many_connections_is_told_when_to_come_back(proxy):
    half = b"POST /api/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
    where = (("127.0.0.1", proxy.port), PATIENCE, ("127.0.0.22", 0))
    with ExitStack() as stack:
        callers = [stack.enter_context(socket.create_connection(*where)) for _ in range(60)]
        for caller in callers:
            caller.sendall(half)
        # Not asked before those are refused who are too many: the request would take the place of one.
        wait_until(lambda: len(select.select(callers, [], [], 0)[0]) == 10)
        refused = ask(proxy, source="127.0.0.22")
        assert refused.status == 429
        assert (refused.error["error_type"], refused.headers["Retry-After"]) == ("rate_limit_exceeded", "1")
        assert refused.error["error"] == "Too many connections from this address"
        assert ask(proxy, source="127.0.0.23").status == 200


# --- connections that have not asked yet


def half_asked(port, source, number, data=b"GET /api/health HT"):
    """Connections that have sent the beginning of a head, or other bytes."""
    for _ in range(number):
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
        with suppress(ConnectionError):  # who is too many is hung up on at once
            connection.sendall(data)
        yield connection


def closed(connections):
    """How many of them the other side has closed."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    return len(poll.poll(0))


@pytest.mark.parametrize(
    ("port", "data"),
    [
        ("port", b""),
        ("port", b"GET /api/health HT"),
        ("tls_port", b""),
        ("tls_port", b"\x16\x03\x01\x02\x00"),
    ],
    ids=["silent", "half a head", "silent, TLS", "half a hello, TLS"],
)
def test_connections_count_against_their_address_before_they_ask(replica, tmp_path, port, data):
    certificate(tmp_path)
    text = with_tls(SOURCE.read_text()).replace("return 308", "# return 308")
    with nginx(tmp_path, replica.port, text=text, NGINX_CONNECTIONS=5) as proxy, ExitStack() as stack:
        if not (tmp_path / "front.conf").read_text():
            missing("nginx has no stream module (libnginx-mod-stream)")
        connections = half_asked(getattr(proxy, port), "127.0.0.30", 300, data)
        held = [stack.enter_context(caller) for caller in connections]
        wait_until(lambda: closed(held) == 280)  # four for each that may ask at a time stay
        assert not answers(proxy, "127.0.0.30")
        assert {ask(proxy, source="127.0.0.31").status for _ in range(20)} == {200}
        for caller in held:
            caller.close()
        wait_until(lambda: answers(proxy, "127.0.0.30"))


def answers(proxy, source):
    with suppress(OSError):
        return ask(proxy, source=source).status == 200


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "no stream"])
def test_thousands_of_incomplete_heads_of_one_address_disturb_no_other(replica, tmp_path, stream):
    with nginx(tmp_path, replica.port, stream=stream) as proxy, ExitStack() as stack:
        for caller in half_asked(proxy.port, "127.0.0.32", 5000):
            stack.enter_context(caller)
        assert {ask(proxy, source="127.0.0.33").status for _ in range(50)} == {200}


def test_a_head_has_ten_seconds_in_all():
    assert re.findall(r"client_header_timeout (\w+);", SOURCE.read_text()) == ["10s"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "no stream"])
@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_the_log_names_the_client_however_nginx_is_reached(replica, tmp_path, stream, data):
    with nginx(tmp_path, replica.port, stream=stream) as proxy:
        name = sent(proxy, data, source="127.0.0.34").headers["X-Request-ID"]
        assert [line["client"] for line in logged(proxy, name)] == ["127.0.0.34"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "no stream"])
def test_who_sends_far_too_much_can_read_that_it_is(replica, tmp_path, stream):
    body = b"x" * 4_000_000
    chunked = b"POST /api/predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with nginx(tmp_path, replica.port, stream=stream, MAX_CONTENT_LENGTH=1000) as proxy:
        for _ in range(5):
            assert ask(proxy, "POST", "/api/predict", body, JSON).status == 413
            assert sent(proxy, chunked).status == 413


# --- what .env decides


def limits(folder, **variables):
    """limits.conf with these settings, and what was said about them."""
    said = configure(folder, port=1, tls_port=2, **variables)
    file = folder / "limits.conf"
    return file.read_text() if file.exists() else "", said


def test_limits_are_settings(tmp_path):
    text, _ = limits(
        tmp_path, NGINX_RATE_LIMIT="900r/m", NGINX_BURST=0, NGINX_CONNECTIONS=7, MAX_CONTENT_LENGTH=5
    )
    for line in ("rate=900r/m;", "zone=requests;", "limit_conn connections 7;", "client_max_body_size 5;"):
        assert line in text


def test_limits_that_are_not_set_are_those_of_compose(tmp_path):
    defaults = {name: value for name, value in settings.of_compose().items() if name in LIMITS}
    assert set(defaults) == LIMITS
    assert limits(tmp_path)[0] == limits(tmp_path, **defaults)[0]


LIMITS = {"NGINX_RATE_LIMIT", "NGINX_BURST", "NGINX_CONNECTIONS", "MAX_CONTENT_LENGTH"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NGINX_RATE_LIMIT", "100"),
        ("NGINX_RATE_LIMIT", "0r/s"),
        ("NGINX_RATE_LIMIT", "1000/minute"),
        ("NGINX_RATE_LIMIT", "1r/s;\n} http {"),
        ("NGINX_BURST", "-1"),
        ("NGINX_BURST", "200\n300"),
        ("NGINX_CONNECTIONS", "0"),
        ("NGINX_CONNECTIONS", "many"),
        ("MAX_CONTENT_LENGTH", "0"),
        ("MAX_CONTENT_LENGTH", "10m"),
        ("NGINX_TRUSTED_PROXIES", "proxy.example"),
        ("NGINX_TRUSTED_PROXIES", "10.0.0.1 10.0.0.2"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("CORS_ORIGINS", 'https://a.example";}'),
    ],
)
def test_wrong_limit_stops_the_start_and_is_named(tmp_path, name, value):
    text, said = limits(tmp_path, **{name: value})
    assert text == ""
    assert f"Wrong configuration: {name} must be " in said
    assert value in said


def test_callers_meet_the_limits_that_were_set(replica, tmp_path):
    variables = {"NGINX_RATE_LIMIT": "1r/m", "NGINX_BURST": 2}
    with nginx(tmp_path, replica.port, **variables) as proxy:
        answers = [ask(proxy, path="/nowhere") for _ in range(5)]
        assert [answer.status for answer in answers] == [404, 404, 404, 429, 429]
        assert {ask(proxy).status for _ in range(5)} == {200}  # probes are not counted


def test_probes_of_the_service_are_not_counted_by_either(replica, tmp_path, app):
    probes = app.extensions[ROUTE_TABLE].exempt
    assert {"/", "/ping", "/v1/models/default", "/v2/health/ready"} <= probes
    with nginx(tmp_path, replica.port, NGINX_RATE_LIMIT="1r/m", NGINX_BURST=0) as proxy:
        for path in sorted(probes) * 2:
            assert (path, ask(proxy, path=path).status) == (path, 200)
        assert ask(proxy, path="/v2/models/default").status == 200
        assert ask(proxy, path="/v2/models/default").status == 429


def test_bulk_bodies_pass_as_long_as_the_service_takes_them(proxy):
    rows = json.dumps({"instances": [[0.123456789, 0.123456789, 0.123456789]] * 100_000})
    assert 3_000_000 < len(rows) < LIMIT
    answer = ask(proxy, "POST", "/invocations", rows, JSON)
    assert (answer.status, len(json.loads(answer.body)["predictions"])) == (200, 100_000)
    assert ask(proxy, "POST", "/invocations", rows.ljust(LIMIT + 1), JSON).status == 413


# --- web pages

PAGE = "https://app.example.com"
ANYWHERE = {"CORS_ORIGINS": "*"}
TWO = {"CORS_ORIGINS": f"{PAGE}, http://localhost:3000"}


def test_a_browser_that_asks_before_a_page_is_not_counted(replica, tmp_path):
    with nginx(tmp_path, replica.port, NGINX_RATE_LIMIT="1r/m", NGINX_BURST=0) as proxy:
        for _ in range(3):
            assert ask(proxy, "OPTIONS", "/api/predict").status == 200
        assert ask(proxy, "POST", "/api/predict", ROW, JSON).status == 200
        assert ask(proxy, "POST", "/api/predict", ROW, JSON).status == 429
        assert ask(proxy, "OPTIONS", "/api/predict").status == 200


@pytest.mark.parametrize(
    ("settings", "origin", "allowed"),
    [
        (TWO, PAGE, PAGE),
        (TWO, "http://localhost:3000", "http://localhost:3000"),
        (TWO, "https://app-example.com", None),
        (TWO, f"{PAGE}.evil.org", None),
        (TWO, f"x{PAGE}", None),
        (TWO, None, None),
        (ANYWHERE, PAGE, "*"),
        ({}, PAGE, None),
    ],
)
def test_only_pages_of_the_origins_can_read_when_to_come_back(replica, tmp_path, settings, origin, allowed):
    headers = JSON | ({"Origin": origin} if origin else {})
    with nginx(tmp_path, replica.port, NGINX_RATE_LIMIT="1r/m", NGINX_BURST=0, **settings) as proxy:
        ask(proxy, "POST", "/api/predict", ROW, headers)
        refused = ask(proxy, "POST", "/api/predict", ROW, headers)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert refused.headers.get("Access-Control-Allow-Origin") == allowed
    exposed = refused.headers.get("Access-Control-Expose-Headers")
    assert exposed == ("X-Request-ID, Retry-After" if allowed else None)
