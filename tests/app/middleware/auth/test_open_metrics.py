import pytest

from app.middleware.auth.open_metrics import open_without_key
from config import ConfigError

SCRAPER = "10.1.2.3"


@pytest.mark.parametrize(
    ("allowed", "address", "headers", "expected"),
    [
        (SCRAPER, "10.1.2.3", {}, True),
        (SCRAPER, "::ffff:10.1.2.3", {}, True),
        (SCRAPER, "10.1.2.4", {}, False),
        (SCRAPER, "127.0.0.1", {}, False),
        (SCRAPER, "10.1.2.3", {"X-Forwarded-For": "10.9.9.9"}, False),
        (SCRAPER, "10.1.2.3", {"X-Real-IP": "10.9.9.9"}, False),
        (SCRAPER, "10.1.2.3", {"Forwarded": "for=10.9.9.9"}, False),
        (SCRAPER, "10.1.2.3", {"Via": "1.1 proxy"}, False),
        ("10.1.2.0/24, fd00::/8", "10.1.2.3", {}, True),
        ("10.1.2.0/24, fd00::/8", "fd00::1", {}, True),
        ("10.1.2.0/24, fd00::/8", "10.1.3.3", {}, False),
        ("10.1.2.0/24, fd00::/8", "127.0.0.1", {}, False),
        (SCRAPER, "no address", {}, False),
        (False, "10.1.2.3", {}, False),
    ],
)
def test_named_addresses_may_read_metrics(build_app, allowed, address, headers, expected):
    app = build_app(METRICS_ALLOW_PRIVATE=allowed)
    with app.test_request_context("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}):
        assert open_without_key() is expected


@pytest.mark.parametrize(
    "value", ["maybe", "::ffff:10.0.0.0/104", "10.1.2.3/24", "true,10.0.0.0/8", "10.1.2.0/240"]
)
def test_what_is_no_network_stops_the_start(build_app, value):
    with pytest.raises(ConfigError, match="METRICS_ALLOW_PRIVATE="):
        build_app(METRICS_ALLOW_PRIVATE=value)


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_all_private_addresses_at_once_stop_the_start(build_app, value):
    """A proxy on one of them that hides its clients would open /metrics to everybody."""
    with pytest.raises(ConfigError, match="name the addresses or networks that scrape"):
        build_app(METRICS_ALLOW_PRIVATE=value)
