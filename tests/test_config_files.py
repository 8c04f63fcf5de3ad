"""Settings that name files and folders: each is judged at the start, in a line, and nothing is waited for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT, ConfigError, load_config
from tests.services import PATIENCE, environment


def test_store_that_is_a_file_stops_the_start(monkeypatch, tmp_path):
    (tmp_path / "models").touch()
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    with pytest.raises(ConfigError, match=r"MODELS_DIR='.*': is no folder"):
        load_config("testing")


@pytest.mark.parametrize(("value", "expected"), [("", ROOT / "models"), ("~/store", Path.home() / "store")])
def test_store_is_where_people_mean(monkeypatch, value, expected):
    monkeypatch.setenv("MODELS_DIR", value)
    assert expected == load_config("testing").MODELS_DIR


@pytest.fixture
def pipe(tmp_path):
    """A pipe that nobody reads or writes."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_value_in_a_pipe_is_not_waited_for(monkeypatch, pipe):
    monkeypatch.setenv("API_KEY_1_FILE", str(pipe))
    with pytest.raises(ConfigError, match=r"API_KEY_1_FILE='.*': is no file"):
        load_config("testing")


def test_value_that_is_no_text_is_named_and_not_shown(monkeypatch, tmp_path):
    (tmp_path / "key").write_bytes(b"\xffsecret")
    monkeypatch.setenv("API_KEY_1_FILE", str(tmp_path / "key"))
    with pytest.raises(ConfigError, match=r"API_KEY_1_FILE='.*': holds no text") as refused:
        load_config("testing")
    assert "secret" not in str(refused.value)


def test_home_folder_is_one_for_every_path(monkeypatch):
    monkeypatch.setenv("LOG_FILE", "~/service.log")
    assert Path.home() / "service.log" == load_config("testing").LOG_FILE


def test_env_file_that_is_no_text_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("config.ROOT", tmp_path)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED")
    (tmp_path / ".env").write_bytes(b"PORT=\xff")
    with pytest.raises(ConfigError, match=r"\.env: holds no text"):
        load_config()


COMMANDS = {
    "development server": ["run.py"],
    "granian": ["granian_server.py"],
    "flask": ["-m", "flask", "--app", "run", "models", "list"],
    "gunicorn": ["-m", "gunicorn", "run:app"],
}


@pytest.mark.server
@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((command, "LOG_FILE") for command in COMMANDS),
        ("gunicorn", "MODELS_DIR"),
        ("flask", "REDIS_URL"),
        ("development server", "HOST"),
    ],
)
def test_every_server_and_command_ends_in_one_line(tmp_path, pipe, command, name):
    if command == "granian":
        pytest.importorskip("granian")
    wrong = {"MODELS_DIR": pipe / "models", "LOG_FILE": pipe, "REDIS_URL": "redis://:hidden@h/0?protocol=9"}
    wrong |= {"HOST": "192.0.2.1"}
    variables = {"MODELS_DIR": tmp_path, "APP_ENV": "testing", name: wrong[name]}
    ended = subprocess.run(
        [sys.executable, *COMMANDS[command]],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode != 0
    assert ended.stderr.startswith(f"Wrong configuration: {name}")
    assert len(ended.stderr.splitlines()) == 1
    assert "hidden" not in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may become another user")
def test_store_below_a_folder_that_may_not_be_searched_is_named(tmp_path):
    closed = tmp_path / "closed"
    (closed / "models").mkdir(parents=True)
    closed.chmod(0o700)
    program = "import os; from config import load_config; os.setuid(65534); load_config('testing')"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(MODELS_DIR=closed / "models"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "MODELS_DIR=" in ended.stderr
    assert "cannot be used: Permission denied" in ended.stderr
