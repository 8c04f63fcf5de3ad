"""Where the service listens: any address of the machine, and a clear word about every other."""

import socket

import pytest

from app.announcement import announce
from app.settings.rules import host_fault, limits_fault
from tests.conftest import configuration


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("127.0.0.1", "127.0.0.1:5000"),
        ("::", "[::]:5000"),
        ("::1", "[::1]:5000"),
        ("localhost", "localhost:5000"),
    ],
)
def test_address_is_written_as_a_url_has_it(models_dir, host, authority):
    assert configuration(models_dir, HOST=host).authority == authority


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_addresses_of_this_machine_are_listened_at(models_dir, host):
    assert host_fault(configuration(models_dir, HOST=host)) is None


def test_address_of_version_six_is_one_too(models_dir):
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert host_fault(configuration(models_dir, HOST="::")) is None


@pytest.mark.parametrize(
    "host", ["x86_64-conda-linux-gnu", "192.0.2.1", "no.such.host.invalid", "a" * 300, "\udcff"]
)
def test_what_is_no_address_of_this_machine_is_named(models_dir, host):
    config = configuration(models_dir)
    config.HOST = host
    assert host_fault(config).startswith(f"HOST={host!r}: is no address of this machine")


def test_banner_of_a_damaged_store_names_the_address_alone(models_dir, capsys):
    (models_dir / "model_v1").mkdir(parents=True)
    (models_dir / "model_v1" / "metadata.json").write_text('{"golden": {"rows": []}}')
    (models_dir / "active.json").write_text("[[[")
    announce(configuration(models_dir), ["http://[::1]:5000"])
    assert capsys.readouterr().out.strip() == "Serving on http://[::1]:5000"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret#word@127.0.0.1:6379/0",
        "redis://:secret/word@127.0.0.1:6379/0",
        "redis://:secret?word@127.0.0.1:6379/0",
        "redis://127.0.0.1:port/0",
        "redis://127.0.0.1:1/0?foo=bar",
        "redis://127.0.0.1:1/0?db=abc",
        "redis://127.0.0.1:1/0?socket_timeout=abc",
        "redis://127.0.0.1:99999/0",
        "redis:///0",
        "redis://:secret@127.0.0.1/0?protocol=9",
        "redis://:secret@127.0.0.1/0?encoding=nonsense",
        "redis://:secret@127.0.0.1/0?socket_timeout=-1",
        "redis://:secret@127.0.0.1/0?retry=3",
        "redis://:secret@127.0.0.1?db=-1",
        "unix://",
        "unix:///" + "s" * 200,
        "rediss://:secret@127.0.0.1/0?ssl_cert_reqs=foo",
        "rediss://:secret@127.0.0.1/0?ssl_ca_certs=/proc/nonexistent/ca.pem",
        "rediss://:secret@127.0.0.1/0?ssl_certfile=/dev/null",
        "rediss://:secret@127.0.0.1/0?ssl_ciphers=nonsense",
    ],
)
def test_address_of_redis_that_cannot_be_read_stops_the_start_without_being_shown(models_dir, url):
    config = configuration(models_dir)
    config.REDIS_URL = url
    fault = limits_fault(config)
    assert fault.startswith("REDIS_URL: ")
    assert "secret" not in fault
    assert "word@" not in fault


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "rediss://:a%23b@redis:6379",
        "redis://user:pass@redis/3",
        "unix:///run/redis.sock",
        "redis://redis?db=2&protocol=3&socket_timeout=0.5&socket_connect_timeout=0.5&client_name=service",
        "rediss://redis?ssl_cert_reqs=none&ssl_check_hostname=false&ssl_min_version=771",
    ],
)
def test_address_of_redis_that_can_be_read_is_taken(models_dir, url):
    config = configuration(models_dir)
    config.REDIS_URL = url
    assert limits_fault(config) is None
