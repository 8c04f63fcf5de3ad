"""What is left in the store by a process that was killed, and what the next one makes of it."""

import json
import os
import subprocess
import sys

import pytest

from app.models.repository import staging
from app.models.repository.version_files import fingerprint
from tests.settings import ROOT

OLD = {"model.pkl": b"the model", "model.onnx": b"old graph", "preprocessing.json": b"old numbers"}
NEW = {"model.onnx": b"new graph", "preprocessing.json": b"new numbers"}
ENGINES = {"engine": "onnx", "certificates": {"onnx": {"certified": True}}}

# Ends itself, as if killed, before one of the renames that it was about to make.
RENEWAL = """
import os, sys
from pathlib import Path
from app.models.repository.store import ModelStore

store, last = ModelStore(Path(sys.argv[1])), int(sys.argv[2])
renames = []

def watch(event, arguments):
    if event == "os.rename":
        renames.append(arguments)
        if len(renames) > last:
            os._exit(9)

sys.addaudithook(watch)
store.replace_engines("v1", eval(sys.argv[3]), store.metadata("v1") | {"note": "new"})
"""


def contents(store):
    """The files that the metadata names; fails the test if one is not what was recorded."""
    metadata = store.metadata("v1")
    return {name: store.read("v1", name, metadata) for name in metadata["files"]}


def test_a_draft_that_was_left_is_removed_by_the_next_save(store):
    (store.root / ".draft-0123").mkdir(parents=True)
    (store.root / ".draft-0123" / "model.pkl").write_bytes(b"half")
    (store.root / ".removed-4567").mkdir()
    store.save(OLD, {}, version="v1")
    assert sorted(path.name for path in store.root.iterdir()) == [".lock", "model_v1"]


def test_a_draft_in_the_making_is_left_alone(store):
    store.root.mkdir()
    with staging.staging_folder(store.root) as mine:
        store.save(OLD, {}, version="v1")
        assert mine.is_dir()
        mine.rename(store.root / "model_v2")
    assert not list(store.root.glob(".draft-*"))


def test_a_draft_that_cannot_be_finished_is_removed(store):
    store.root.mkdir()
    with pytest.raises(OSError, match="no space"), staging.staging_folder(store.root):
        raise OSError("no space left on device")
    assert not list(store.root.glob(".draft-*"))


@pytest.mark.parametrize("renames", range(4))
def test_certification_killed_at_any_rename_leaves_a_version_that_is_whole(store, renames):
    store.save(OLD, ENGINES, version="v1")
    command = [sys.executable, "-c", RENEWAL, str(store.root), str(renames), repr(NEW)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    found = contents(store)
    metadata = store.metadata("v1")
    if renames == 0:
        assert (found, metadata["engine"]) == (OLD, "onnx")
    else:
        assert (found, metadata["engine"]) == ({"model.pkl": OLD["model.pkl"]}, "sklearn")
        assert metadata["certificates"] == {}


def test_certification_that_ends_records_its_files(store):
    store.save(OLD, ENGINES, version="v1")
    store.replace_engines("v1", NEW, store.metadata("v1") | {"note": "new"})
    assert contents(store) == OLD | NEW
    metadata = json.loads(store.raw_metadata("v1"))
    assert (metadata["engine"], metadata["note"]) == ("onnx", "new")
    assert metadata["files"]["model.onnx"] == fingerprint(b"new graph")


@pytest.mark.parametrize("name", [".draft-aa", ".removed-aa"])
@pytest.mark.parametrize("place", [os.mkfifo, lambda path: path.symlink_to("."), lambda path: path.touch()])
def test_what_is_no_folder_is_not_waited_for(tmp_path, name, place):
    place(tmp_path / name)
    with staging.staging_folder(tmp_path) as folder:
        assert folder.is_dir()
