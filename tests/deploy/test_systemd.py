"""deploy/systemd/model-service.service fits gunicorn and the settings, and leaves little to break."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

import pytest

from tests.services import PATIENCE, gunicorn
from tests.settings import ROOT, declared

UNIT = (ROOT / "deploy" / "systemd" / "model-service.service").read_text()
HOME = "/opt/model-service"
LINES = re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE)


def values(key):
    """The values of a key, which may stand there more than once."""
    return [value for name, value in LINES if name == key]


def value(key):
    (found,) = values(key)
    return found


def test_it_starts_what_is_there():
    assert value("WorkingDirectory") == HOME
    for command in values("ExecStartPre") + values("ExecStart"):
        program, *arguments = command.split()
        assert program.startswith(f"{HOME}/.venv/bin/")
        assert (Path(sys.executable).parent / Path(program).name).exists()
        (file,) = re.findall(r"^(\w+\.py|\w+(?=:app$))", arguments[0])
        assert (ROOT / Path(file).with_suffix(".py")).is_file()
    assert (ROOT / Path(value("Documentation").removeprefix("file:")).relative_to(HOME)).is_file()


def test_the_variables_are_settings():
    variables = dict(assignment.split("=", 1) for assignment in values("Environment"))
    assert variables.pop("ORT_DISABLE_TELEMETRY") == "1"  # a setting of the runtime, not of the service
    assert set(variables) <= set(declared())
    assert variables["APP_ENV"] == "production"
    assert f"/var/lib/{value('StateDirectory')}" == variables["MODELS_DIR"]
    assert f"/run/{value('RuntimeDirectory')}" == variables["PROMETHEUS_MULTIPROC_DIR"]
    # Without the dash that would make it optional: there are the keys, which stand nowhere here.
    assert value("EnvironmentFile") == "/etc/model-service/env"
    assert set(value("ReadWritePaths").split()) == {
        variables["MODELS_DIR"],
        variables["PROMETHEUS_MULTIPROC_DIR"],
    }


def test_it_stops_as_gunicorn_does(gunicorn_settings):
    assert value("KillMode") == "mixed"
    assert int(value("TimeoutStopSec")) > gunicorn_settings["graceful_timeout"]
    assert value("ExecReload") == "/bin/kill -HUP $MAINPID"
    assert value("Restart") == "always"
    assert value("OOMPolicy") == "continue"


@pytest.mark.server
def test_gunicorn_tells_when_it_is_ready(tmp_path):
    assert value("Type") == "notify"
    address = tmp_path / "notify"
    with socket(AF_UNIX, SOCK_DGRAM) as told:
        told.bind(str(address))
        told.settimeout(PATIENCE)
        with gunicorn(tmp_path, MODELS_DIR=tmp_path / "models", WORKERS=1, NOTIFY_SOCKET=address):
            assert told.recv(1000).startswith(b"READY=1")


@pytest.fixture
def unit(tmp_path):
    """The unit as it would be with the project in the folder in which it is."""
    file = tmp_path / "model-service.service"
    text = UNIT.replace(f"{HOME}/.venv/bin", str(Path(sys.executable).parent))
    file.write_text(text.replace(HOME, str(ROOT)))
    return file


def analyze(*arguments):
    command = ["systemd-analyze", "--no-pager", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@needs_systemd
def test_systemd_understands_every_line(unit):
    assert analyze("verify", "--man=no", unit) == (0, "")
    unit.write_text(unit.read_text().replace("KillMode=mixed", "KillMode=mixt"))
    assert "kill mode" in analyze("verify", "--man=no", unit)[1]


@needs_systemd
def test_systemd_finds_little_exposed(unit):
    status, output = analyze("security", "--offline=yes", "--threshold=20", unit)
    assert status == 0, output  # 2.0 of 10, which it calls OK
