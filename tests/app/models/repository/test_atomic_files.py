"""Files are whole or absent, also when whoever writes them is killed."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest

from app.exceptions import StoreNotWritable
from app.models.repository import atomic_files
from app.models.repository.store import ModelStore
from app.models.repository.version_files import fingerprint
from tests.settings import ROOT

KILLS = 50
SIZES = {"model.pkl": 300_000, "model.onnx": 100_000, "preprocessing.json": 2_000}

PUBLISHER = """
import sys
from pathlib import Path
from app.models.repository.store import ModelStore

store = ModelStore(Path(sys.argv[1]))
sizes = eval(sys.argv[2])
print("ready", flush=True)
while True:
    store.activate(store.save({name: bytes(size) for name, size in sizes.items()}, {"note": "x" * 20_000}))
"""


def test_publisher_killed_at_fifty_moments_leaves_no_half_version(tmp_path):
    store = ModelStore(tmp_path)
    chance = random.Random(50)
    staged = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), repr(SIZES)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        staged += len(list(tmp_path.glob(".draft-*")))
        for path in tmp_path.glob(".draft-*"):
            path.rename(tmp_path / f"seen{path.name}")
    versions = store.versions()
    for folder in tmp_path.glob("model_*"):
        assert folder.name.removeprefix("model_") in versions
        metadata = json.loads((folder / "metadata.json").read_bytes())
        assert {name: file["size"] for name, file in metadata["files"].items()} == SIZES
        for name, recorded in metadata["files"].items():
            assert fingerprint((folder / name).read_bytes()) == recorded
    assert json.loads((tmp_path / "active.json").read_bytes())["version"] in versions
    store.activate(versions[-1])  # the lock went with its holder
    print(
        f"\n{KILLS} kills, {len(versions)} whole versions, {staged} killed while writing, 0 partial versions"
    )
    assert staged > 0
    assert versions


def test_a_file_is_written_once(tmp_path):
    atomic_files.write(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        atomic_files.write(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_replacing_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    atomic_files.replace(tmp_path / "file", b"old")

    def fail(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        atomic_files.replace(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert atomic_files.read_regular(tmp_path / "file") == b"content"
    for name in ("link", "folder", "pipe", "nothing"):
        with pytest.raises(OSError, match=rf"{name}|no regular file"):
            atomic_files.read_regular(tmp_path / name)
    with pytest.raises(OSError, match="more than 6 bytes"):
        atomic_files.read_regular(tmp_path / "file", most=6)


@pytest.mark.parametrize(
    ("folder", "file", "inner"), [(0o755, 0o644, 0o755), (0o2775, 0o664, 0o775), (0o700, 0o600, 0o700)]
)
def test_whoever_may_read_a_folder_may_read_what_is_made_in_it(tmp_path, folder, file, inner):
    root = tmp_path / "store"
    root.mkdir()
    root.chmod(folder)
    umask = os.umask(0o077)
    try:
        atomic_files.write(root / "written", b"")
        atomic_files.replace(root / "replaced", b"")
        atomic_files.make_folder(root / "folder")
        with atomic_files.locked(root), atomic_files.locked(root / "made"):
            pass
    finally:
        os.umask(umask)
    modes = {path.name: path.stat().st_mode & 0o777 for path in root.iterdir()}
    assert modes == {"written": file, "replaced": file, ".lock": file, "folder": inner, "made": inner}


@pytest.mark.parametrize("place", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_lock_that_is_no_file_is_refused_and_not_waited_for(tmp_path, place):
    place(tmp_path / atomic_files.LOCK)
    with (
        pytest.raises(StoreNotWritable, match=r"\.lock: "),
        atomic_files.writing(),
        atomic_files.locked(tmp_path),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    os.chown(root, 12345, 12346)
    atomic_files.replace(root / "active.json", b"")
    with atomic_files.locked(root / ".workers"):
        pass
    made = [root / "active.json", root / ".workers", root / ".workers" / ".lock"]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12345, 12346)}
