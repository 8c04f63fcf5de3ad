"""nginx.conf with TLS switched on."""

import socket
import ssl
from contextlib import closing
from http.client import HTTPSConnection

import pytest
import requests

from tests.deploy.asking import JSON, ROW, ask, logged
from tests.nginx import SOURCE, certificate, nginx, with_tls
from tests.services import PATIENCE

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def encrypted(replica, tmp_path_factory):
    """nginx with its TLS block switched on, and the certificate to check it by."""
    folder = tmp_path_factory.mktemp("encrypted")
    authority = certificate(folder)
    with nginx(folder, replica.port, text=with_tls(SOURCE.read_text())) as proxy:
        yield proxy, str(authority)


@pytest.mark.parametrize(("path", "status"), [("/api/health", 200), ("/metrics", 403)])
def test_tls_is_switched_on_by_taking_the_comment_signs_off(encrypted, path, status):
    proxy, authority = encrypted
    answer = requests.get(f"https://localhost:{proxy.tls_port}{path}", verify=authority, timeout=PATIENCE)
    assert answer.status_code == status
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("path", ["/api/health", "/api/predict?x=y", "/metrics"])
def test_with_tls_plain_http_is_sent_there(encrypted, path):
    proxy, _ = encrypted
    answer = ask(proxy, "POST", path)
    assert (answer.status, answer.headers["Location"]) == (308, f"https://127.0.0.1{path}")


@pytest.mark.parametrize(
    ("cipher", "accepted"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES256-SHA384", False),
        ("ECDHE-ECDSA-AES128-SHA", False),
        ("AES128-GCM-SHA256", False),
    ],
)
def test_only_modern_ciphers_are_accepted(encrypted, cipher, accepted):
    proxy, authority = encrypted
    context = ssl.create_default_context(cafile=authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    with socket.create_connection(("127.0.0.1", proxy.tls_port), PATIENCE) as plain:
        if not accepted:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="localhost")
            return
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.cipher()[0] == cipher


def test_with_tls_the_client_is_the_same(encrypted, replica):
    proxy, authority = encrypted
    context = ssl.create_default_context(cafile=authority)
    where = HTTPSConnection(
        "localhost", proxy.tls_port, timeout=PATIENCE, source_address=("127.0.0.35", 0), context=context
    )
    with closing(where) as connection:
        connection.request("POST", "/api/predict", ROW, JSON | {"X-Request-ID": "through-tls"})
        assert connection.getresponse().status == 200
    assert [line["client"] for line in logged(replica, "through-tls")] == ["127.0.0.35"]


def test_without_tls_nobody_is_told_to_use_it(proxy):
    assert "Strict-Transport-Security" not in ask(proxy).headers
