"""Files are whole or absent."""

import os

import pytest

from app.exceptions import StoreNotWritable
from app.models.repository import atomic_files


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
