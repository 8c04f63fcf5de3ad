import pytest

from app.middleware.client_network import client_network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        (":" * 100, ":" * 64),
        ("", ""),
    ],
)
def test_one_subscriber_is_one_network(address, network):
    assert client_network(address) == network
