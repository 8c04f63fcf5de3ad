"""follow-replicas.sh, with a name server and an nginx of the test's making."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.nginx import CONFIGURE, upstreams
from tests.services import PATIENCE, wait_until
from tests.settings import ROOT

pytestmark = pytest.mark.server

SCRIPT = ROOT / "deploy" / "nginx" / "follow-replicas.sh"

COMMANDS = {
    "getent": 'cat "$FOLDER/names/$2" 2>/dev/null',
    "nginx": """
if [ "$1" = -V ]; then echo "configure arguments: --with-stream" >&2; exit; fi
if [ "$1" = -s ]; then echo "$2" >>"$FOLDER/signals"; exit; fi
cp "$FOLDER/upstreams.conf" "$FOLDER/at-start.conf"
exec "$PYTHON" -c '
import os, signal, sys

def quit(*_):
    with open(os.environ["FOLDER"] + "/signals", "a") as file:
        file.write("QUIT\\n")
    sys.exit()

signal.signal(signal.SIGQUIT, quit)
open(os.environ["FOLDER"] + "/started", "w").close()
while True:
    signal.pause()
'""",  # a shell in the background cannot hear QUIT
    "sleep": "exec /bin/sleep 0.05",
}


class Script:
    """The running script."""

    def __init__(self, folder, process):
        self.folder = folder
        self.process = process

    def resolve(self, name, *addresses):
        """What the name server says from now on."""
        path = self.folder / "names" / name
        path.with_suffix(".new").write_text("".join(f"{address} STREAM {name}\n" for address in addresses))
        path.with_suffix(".new").rename(path)

    def list(self):
        return (self.folder / "upstreams.conf").read_text()

    def signals(self):
        path = self.folder / "signals"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def run(tmp_path):
    """Start the script with these names known, and wait until nginx runs; ended with its group."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "names").mkdir()
    for name, text in COMMANDS.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    text = SCRIPT.read_text()
    assert "/tmp/" in text
    text = text.replace("/tmp/", f"{tmp_path}/").replace(" /tmp ", f" {tmp_path} ")
    (tmp_path / "script.sh").write_text(text)
    (tmp_path / "configure.sh").write_text(CONFIGURE.read_text())
    started = []

    def run(**names):
        script = Script(tmp_path, None)
        for name, addresses in names.items():
            script.resolve(name, *addresses)
        script.process = subprocess.Popen(
            ["sh", str(tmp_path / "script.sh"), "api:8080", "grafana:3000"],
            env=os.environ
            | {"PATH": f"{programs}:{os.environ['PATH']}", "FOLDER": str(tmp_path), "PYTHON": sys.executable},
            start_new_session=True,
        )
        started.append(script)
        wait_until((tmp_path / "started").exists)
        return script

    yield run
    for script in started:
        with suppress(ProcessLookupError):
            os.killpg(script.process.pid, signal.SIGKILL)
        script.process.wait(PATIENCE)


def test_list_is_there_before_nginx_starts(run, tmp_path):
    run(api=["127.0.0.1"])
    assert (tmp_path / "at-start.conf").read_text() == upstreams(8080)


def test_every_address_is_named_once_in_order(run):
    script = run(api=["10.0.0.9", "10.0.0.2", "10.0.0.9"], grafana=["10.0.0.5"])
    servers = [line.split()[1] for line in script.list().splitlines() if "server" in line]
    assert servers == ["10.0.0.2:8080", "10.0.0.9:8080", "10.0.0.5:3000"]


def test_change_is_followed_with_one_reload(run):
    script = run(api=["10.0.0.1"])
    script.resolve("api", "10.0.0.1", "10.0.0.2")
    wait_until(lambda: script.signals() == ["reload"])
    assert "10.0.0.2:8080" in script.list()
    script.resolve("api", "10.0.0.2", "10.0.0.1")  # in another order, which is no change
    script.resolve("grafana", "10.0.0.7")
    wait_until(lambda: "10.0.0.7:3000" in script.list())
    wait_until(lambda: len(script.signals()) > 1)
    assert script.signals() == ["reload", "reload"]


def test_name_server_that_fails_changes_nothing(run):
    script = run(api=["10.0.0.1"])
    script.resolve("api")
    script.resolve("grafana", "10.0.0.7")  # so that it is known when both were asked for
    wait_until(lambda: "10.0.0.7:3000" in script.list())
    assert "10.0.0.1:8080" in script.list()


def test_limits_are_written_before_nginx_starts(run, tmp_path):
    run(api=["127.0.0.1"])
    assert "rate=100r/s" in (tmp_path / "limits.conf").read_text()
    front = (tmp_path / "front.conf").read_text()
    assert f"unix:{tmp_path}/http.sock" in front
    assert "load_module" not in front  # this nginx has it built in


def test_wrong_limit_stops_the_start(tmp_path):
    shutil.copy(SCRIPT, tmp_path)
    shutil.copy(CONFIGURE, tmp_path)
    ended = subprocess.run(
        ["sh", str(tmp_path / SCRIPT.name), "api:8080"],
        env=os.environ | {"NGINX_BURST": "some"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 1
    assert ended.stderr == "Wrong configuration: NGINX_BURST must be a whole number, not 'some'\n"


def test_stopping_lets_nginx_finish(run):
    script = run(api=["10.0.0.1"])
    script.process.terminate()
    assert script.process.wait(PATIENCE) in (0, -15, 143)
    assert script.signals() == ["QUIT"]
