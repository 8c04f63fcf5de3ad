"""What gunicorn's options name outside of the process is tried at the start, and only then."""

import os
import socket
from functools import partial
from pathlib import Path

import pytest
from gunicorn.config import Config

from gunicorn_worker.options import start
from tests.test_option_values import cfg, fault


def test_log_that_would_be_waited_for_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert fault(cfg(accesslog=str(tmp_path / "pipe"))).startswith("--access-logfile=")


def test_descriptor_is_of_a_socket_that_can_listen(tmp_path):
    with (
        socket.socket() as one,
        socket.socket(type=socket.SOCK_DGRAM) as other,
        Path(__file__).open() as file,
    ):
        assert fault(cfg(bind=f"fd://{one.fileno()}")) is None
        assert "it is no stream socket" in fault(cfg(bind=f"fd://{other.fileno()}"))
        assert "non-socket" in fault(cfg(bind=f"fd://{file.fileno()}"))
    first, second = socket.socketpair()
    with first, second:
        assert "it is a connection" in fault(cfg(bind=f"fd://{first.fileno()}"))


def test_address_in_use_is_left_to_gunicorn_which_waits_for_it():
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert fault(cfg(bind=f"127.0.0.1:{other.getsockname()[1]}")) is None


def test_inherited_sockets_are_not_bound(monkeypatch):
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert fault(cfg(bind="192.0.2.1:80")) is None


def test_options_are_judged_once_and_a_wrong_value_is_named(monkeypatch):
    monkeypatch.setattr(Config, "set", Config.set)
    monkeypatch.setattr(Config, "validate", Config.validate)
    monkeypatch.setattr(start, "_judge", None)
    faults = iter(["--option: is wrong"])
    start.judge_options(lambda config: next(faults))
    start.judge_options(lambda config: pytest.fail("a reload judges nothing"))
    with pytest.raises(
        SystemExit, match=r"^Wrong configuration: --keep-alive=-1: Value must be positive: -1$"
    ):
        cfg().set("keepalive", -1)
    with pytest.raises(SystemExit, match=r"^Wrong configuration: --option: is wrong$"):
        cfg().validate()
    cfg().validate()


def test_who_is_not_root_becomes_nobody_else(monkeypatch):
    monkeypatch.setattr(os, "geteuid", partial(int, 1000))
    assert fault(cfg(bind="127.0.0.1:0", user=1001, group=os.getegid())).startswith("--user=1001: root alone")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may give workers another user")
def test_user_that_may_not_read_python_is_named(monkeypatch, tmp_path):
    (tmp_path / "os.py").touch(mode=0o600)
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))
    assert fault(cfg(bind="127.0.0.1:0", user=65_534)).startswith("--user=65534: may not read Python")
    assert fault(cfg(bind="127.0.0.1:0")) is None
