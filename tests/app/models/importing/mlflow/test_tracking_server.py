"""The client of MLflow's server: bounded, to one address only, and with errors of one line."""

import pytest

from app.models.importing.mlflow.tracking_server import RegistryUnavailable, TrackingServer
from app.models.untrusted import ImportRefused


@pytest.fixture
def from_environment(monkeypatch):
    def from_environment(**variables):
        for name in ("URI", "TOKEN", "USERNAME", "PASSWORD"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", str(value))
        return TrackingServer.from_environment()

    return from_environment


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "MLFLOW_TRACKING_URI is not set"),
        ("sqlite:///mlflow.db", "must be the http:// or https:// address"),
        ("databricks", "must be the http:// or https:// address"),
        ("http://host:port", "must be the http:// or https:// address"),
        ("http://me:secret@host", "holds credentials: put them into MLFLOW_TRACKING_TOKEN"),
    ],
)
def test_address_that_is_none_is_refused_and_shows_no_secret(from_environment, uri, reason):
    with pytest.raises(RegistryUnavailable, match=reason) as error:
        from_environment(URI=uri)
    assert "secret" not in error.value.message


def test_credentials_are_shown_as_mlflow_does(from_environment, registry, tmp_path):
    registry.answers["x"] = (200, {}, b"{}")
    (tmp_path / "token").write_text("t0ken\n")
    for own in ({}, {"USERNAME": "me", "PASSWORD": "pass"}, {"TOKEN": "t0ken", "USERNAME": "me"}):
        from_environment(URI=registry.address, **own).get("x")
    from_environment(URI=registry.address, TOKEN_FILE=tmp_path / "token").get("x")
    assert registry.seen == [None, "Basic bWU6cGFzcw==", "Bearer t0ken", "Bearer t0ken"]


def test_token_that_no_header_can_hold_is_refused_and_not_shown(from_environment):
    with pytest.raises(RegistryUnavailable, match="must be printable ASCII") as error:
        from_environment(URI="http://host", TOKEN="sec\nret")
    assert "sec" not in error.value.message


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {}, b""), r"rejects the credentials \(401\): set MLFLOW_TRACKING_TOKEN, or"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), r"redirects \(302\): set MLFLOW_TRACKING_URI"),
        ((404, {}, b'{"message": "no\\nmodel\\u001b[2J"}'), r"answers 404: no model \[2J$"),
        ((500, {}, b"<html>"), "answers 500: no reason given"),
        ((200, {}, b"<html>"), "does not answer as an MLflow server"),
        ((200, {}, b"[]"), "does not answer as an MLflow server"),
    ],
)
def test_answer_that_is_none_is_said_in_one_line(registry, answer, reason):
    registry.answers["x"] = answer
    with pytest.raises(RegistryUnavailable, match=reason) as error:
        TrackingServer(registry.address).get("x")
    assert "\n" not in error.value.message


def test_server_that_is_not_there_is_said_in_one_line(registry):
    registry.close()
    with pytest.raises(RegistryUnavailable, match=f"{registry.address} gives no answer: .*refused"):
        TrackingServer(registry.address).get("x")


def test_address_of_https_is_asked_by_tls_only(registry):
    with pytest.raises(RegistryUnavailable, match=r"gives no answer: .*SSL"):
        TrackingServer(registry.address.replace("http", "https")).get("x")


def test_download_is_bounded_with_and_without_a_length(registry, tmp_path):
    server = TrackingServer(registry.address)
    for headers in ({"Content-Length": 10}, {}):
        registry.answers["x"] = (200, headers, bytes(10))
        with pytest.raises(ImportRefused, match="has 10 bytes, 9 are allowed"):
            server.download("x", tmp_path / "file", limit=9)
        server.download("x", tmp_path / "file", limit=10)
        assert (tmp_path / "file").read_bytes() == bytes(10)


def test_download_that_ends_early_is_none(registry, tmp_path):
    registry.answers["x"] = (200, {"Content-Length": 10}, bytes(7))
    with pytest.raises(RegistryUnavailable, match="sent 7 bytes of file and no more"):
        TrackingServer(registry.address).download("x", tmp_path / "file", limit=10)
