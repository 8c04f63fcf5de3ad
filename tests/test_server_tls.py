"""gunicorn's options of TLS: those with which no handshake works stop the start."""

import os
import subprocess

import pytest

from gunicorn_worker.options.resources import resources_fault
from gunicorn_worker.options.tls import tls_fault
from tests.services import require_command
from tests.test_option_values import cfg


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Certificates, keys, and what is none, by name."""
    openssl = require_command("openssl")
    folder = tmp_path_factory.mktemp("tls")

    def make(name, *options):
        made = ["req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost", *options]
        output = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
        subprocess.run([openssl, *made, *output], check=True, capture_output=True, timeout=60)

    make("own", "-nodes")
    make("other", "-nodes")
    make("locked", "-passout", "pass:word")
    (folder / "garbage").write_text("nonsense")
    (folder / "both").write_text((folder / "own.pem").read_text() + (folder / "own.key").read_text())
    return {path.name: str(path) for path in folder.iterdir()} | {
        "folder": str(folder),
        "none": "/proc/nonexistent",
    }


PAIR = {"certfile": "own.pem", "keyfile": "own.key"}


def fault(files, options):
    values = {name: files.get(value, value) for name, value in options.items()}
    return resources_fault(cfg(bind="127.0.0.1:0", **values))


@pytest.mark.parametrize(
    "options",
    [
        PAIR,
        {"certfile": "both"},
        PAIR | {"ca_certs": "other.pem", "cert_reqs": 2},
        PAIR | {"ca_certs": "other.pem", "cert_reqs": 1},
        PAIR | {"ciphers": "ECDHE-RSA-AES128-GCM-SHA256", "do_handshake_on_connect": True},
    ],
)
def test_options_that_work_pass(files, options):
    assert fault(files, options) is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (PAIR | {"certfile": "garbage"}, "--certfile="),
        (PAIR | {"certfile": "folder"}, "--certfile="),
        (PAIR | {"certfile": "none"}, "--certfile="),
        (PAIR | {"certfile": "own.key"}, "--certfile="),
        (PAIR | {"certfile": "other.pem"}, "--keyfile="),
        (PAIR | {"keyfile": "garbage"}, "--keyfile="),
        (PAIR | {"keyfile": "own.pem"}, "--keyfile="),
        (PAIR | {"keyfile": "folder"}, "--keyfile="),
        ({"certfile": "own.pem"}, "--certfile="),
        ({"keyfile": "own.key"}, "--keyfile="),
        ({"certfile": "locked.pem", "keyfile": "locked.key"}, "--keyfile="),
        (PAIR | {"ciphers": "nonsense"}, "--ciphers="),
        ({"ciphers": "HIGH"}, "--ciphers="),
        (PAIR | {"cert_reqs": 5}, "--cert-reqs="),
        (PAIR | {"cert_reqs": 2}, "--cert-reqs="),
        (PAIR | {"ca_certs": "garbage"}, "--ca-certs="),
        (PAIR | {"ca_certs": "folder"}, "--ca-certs="),
        ({"ca_certs": "own.pem"}, "--ca-certs="),
    ],
)
def test_options_with_which_no_handshake_works_are_named(files, options, named):
    assert fault(files, options).startswith(named)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may give workers another user")
def test_key_that_the_workers_user_cannot_read_is_named(files):
    os.chmod(files["own.key"], 0o600)
    named = cfg(certfile=files["own.pem"], keyfile=files["own.key"], user=65_534)
    assert tls_fault(named).partition("=")[0] in {"--certfile", "--keyfile"}
