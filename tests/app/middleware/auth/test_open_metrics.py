import pytest

from app.middleware.auth.open_metrics import open_without_key
from config import ConfigError


@pytest.mark.parametrize(
    ("allowed", "address", "headers", "expected"),
    [
        (True, "10.1.2.3", {}, True),
        (True, "127.0.0.1", {}, True),
        (True, "8.8.8.8", {}, False),
        (True, "::ffff:10.1.2.3", {}, True),
        (True, "fd00::1", {}, True),
        (True, "203.0.113.9", {}, False),
        (True, "10.1.2.3", {"X-Forwarded-For": "10.9.9.9"}, False),
        (True, "10.1.2.3", {"X-Real-IP": "10.9.9.9"}, False),
        (True, "10.1.2.3", {"Forwarded": "for=10.9.9.9"}, False),
        (True, "10.1.2.3", {"Via": "1.1 proxy"}, False),
        ("10.1.2.0/24, fd00::/8", "10.1.2.3", {}, True),
        ("10.1.2.0/24, fd00::/8", "fd00::1", {}, True),
        ("10.1.2.0/24, fd00::/8", "10.1.3.3", {}, False),
        ("10.1.2.0/24, fd00::/8", "127.0.0.1", {}, False),
        ("10.1.2.3", "10.1.2.4", {}, False),
        (True, "no address", {}, False),
        (False, "10.1.2.3", {}, False),
    ],
)
def test_private_addresses_may_read_metrics_where_that_is_set(build_app, allowed, address, headers, expected):
    app = build_app(METRICS_ALLOW_PRIVATE=allowed)
    with app.test_request_context("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}):
        assert open_without_key() is expected


@pytest.mark.parametrize(
    "value", ["maybe", "::ffff:10.0.0.0/104", "10.1.2.3/24", "true,10.0.0.0/8", "10.1.2.0/240"]
)
def test_what_is_no_network_stops_the_start(build_app, value):
    with pytest.raises(ConfigError, match="METRICS_ALLOW_PRIVATE="):
        build_app(METRICS_ALLOW_PRIVATE=value)
