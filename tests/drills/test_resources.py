"""A full disk, no more files to open, a store that cannot be written: predictions go on."""

import os
import socket
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from time import sleep

import pytest

from tests.drills.traffic import kinds, traffic
from tests.services import PATIENCE, gunicorn, require_command, wait_until

pytestmark = pytest.mark.drill

RATE = 50


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = [require_command("mount"), "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run([require_command("umount"), "--lazy", str(disk)], check=True)


def test_full_log_disk_disturbs_nobody(forest_dir, small_disk, tmp_path, length, figure):
    seconds = length(5, 30)
    log = small_disk / "service.log"
    variables = {"MODELS_DIR": forest_dir, "WORKERS": 2, "LOG_LEVEL": "INFO", "LOG_FILE": log}
    with gunicorn(tmp_path, **variables) as service:
        fill = small_disk / "filling"
        with suppress(OSError), fill.open("wb", buffering=0) as file:
            while file.write(b" " * 4096):
                pass
        assert os.statvfs(small_disk).f_bavail == 0
        workers, full = service.workers(), log.stat().st_size
        with traffic(service.port, rate=RATE) as clients:
            sleep(seconds)
        assert log.stat().st_size < full + 8192  # it really was full
        other = service.output.read_text().splitlines()
        figure(
            "resources",
            f"log disk full: failed of {len(clients.outcomes)}; lines on stdout for them",
            f"{len(clients.failed())}; {len(other)}",
            "0; one each",
        )
        assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}
        assert service.workers() == workers
        assert len(other) < len(clients.outcomes) + 50
        fill.unlink()
        service.ask("GET", "/api/health/live", headers={"X-Request-ID": "afterwards"})
        wait_until(lambda: '"afterwards"' in log.read_text(), 5)


def test_no_more_files_to_open_ends_no_worker(forest_dir, tmp_path, length, figure):
    seconds = length(3, 20)
    number = 400
    limit = ("sh", "-c", 'ulimit -n 128; exec "$@"', "sh")
    with gunicorn(tmp_path, prefix=limit, MODELS_DIR=forest_dir, WORKERS=2) as service:
        workers = service.workers()
        with traffic(service.port, rate=RATE) as clients:
            sleep(1)
            with ExitStack() as stack:
                for _ in range(number):
                    stack.enter_context(socket.create_connection(("127.0.0.1", service.port), PATIENCE))
                wait_until(lambda: any(open_files(worker) > 120 for worker in service.workers()))
                sleep(seconds)
            sleep(1)
        lines = service.output.read_text().count("\n")
        figure(
            "resources",
            f"{number} connections with `ulimit -n 128`: failed of {len(clients.outcomes)}, workers lost,"
            " lines logged",
            f"{len(clients.failed())}, {len(set(workers) - set(service.workers()))}, {lines}",
            "0, 0, few",
        )
        assert service.workers() == workers
        assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}
        assert lines < 100


def open_files(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_store_that_cannot_be_written_serves(forest_dir, tmp_path, length, figure):
    seconds = length(5, 30)
    if os.geteuid() == 0:  # who may write everywhere, so the folder itself must be read-only
        bind = f'mount --bind "{forest_dir}" "{forest_dir}" && mount -o remount,ro,bind "{forest_dir}"'
        prefix = ("unshare", "-m", "sh", "-c", f'{bind} && exec "$@"', "sh")
        if subprocess.run([*prefix, "true"], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
    else:
        prefix = ()
        forest_dir.chmod(0o555)
    try:
        with gunicorn(tmp_path, prefix=prefix, MODELS_DIR=forest_dir, WORKERS=2) as service:
            workers = service.workers()
            with traffic(service.port, rate=RATE) as clients:
                sleep(seconds)
            assert service.ask("POST", "/api/models/rollback")[0] >= 400
            lines = service.output.read_text().count("\n")
            figure(
                "resources",
                f"read-only store: failed of {len(clients.outcomes)}, lines logged in {seconds} s",
                f"{len(clients.failed())}, {lines}",
                "0, few",
            )
            assert kinds(clients.outcomes) == {"200": len(clients.outcomes)}
            assert service.workers() == workers
            assert lines < 30
    finally:
        forest_dir.chmod(0o755)
