import hashlib
import io
import json
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import NoneType

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.exceptions import (
    ArtifactInvalid,
    InvalidInput,
    StoreNotWritable,
    VersionExists,
    VersionInUse,
    VersionNotFound,
)
from app.models.loading import loader
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.repository.version_files import fingerprint
from app.models.repository.version_names import is_version
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted
from tests.settings import ROOT

FILES = {"model.pkl": b"some bytes"}
TRAVERSALS = [
    "../outside",
    "..",
    ".",
    "...",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "v1\x00.pkl",
    "v1\n",
    "v1#x",
    "v1?x",
    "~root",
    " v1",
    "",
    "ü",
    "１",
    "a" * 65,
    "file:///etc/passwd",
]


class Canary:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def pickled(thing):
    buffer = io.BytesIO()
    joblib.dump(thing, buffer)
    return buffer.getvalue()


def load(store, version="v1"):
    return loader.load(store, version, loader.LoadingOptions())


def rewrite_metadata(store, change, version="v1"):
    path = store.root / f"model_{version}" / "metadata.json"
    metadata = json.loads(path.read_bytes())
    change(metadata)
    path.write_text(json.dumps(metadata))


@pytest.fixture
def published(serve, store):
    """A store whose version ``v1`` is a `SumRegressor`."""
    serve(fitted(SumRegressor()), version="v1")
    return store


# --- saving


def test_saved_version_is_a_folder_with_its_files_and_metadata(store, models_dir):
    assert store.save(FILES, {"note": "hello"}, version="v1") == "v1"
    folder = models_dir / "model_v1"
    assert sorted(path.name for path in folder.iterdir()) == ["metadata.json", "model.pkl"]
    metadata = json.loads((folder / "metadata.json").read_bytes())
    assert metadata["note"] == "hello"
    assert metadata["version"] == "v1"
    assert metadata["files"] == {
        "model.pkl": {"sha256": hashlib.sha256(b"some bytes").hexdigest(), "size": 10}
    }
    assert store.metadata("v1") == metadata
    assert store.read("v1", "model.pkl", metadata) == b"some bytes"


def test_a_file_may_take_the_place_of_its_content(store, tmp_path):
    content = tmp_path / "large"
    content.write_bytes(b"some bytes")
    store.save({"model.pkl": content}, {}, version="v1")
    assert store.read("v1", "model.pkl", store.metadata("v1")) == b"some bytes"
    store.replace_engines("v1", {"model.onnx": content}, store.metadata("v1"))
    assert store.read("v1", "model.onnx", store.metadata("v1")) == b"some bytes"


def test_default_name_is_the_time(store):
    assert len(store.save(FILES, {})) >= len("20260101_000000")
    (version,) = store.versions()
    assert version[:8].isdigit()
    assert version[8] == "_"


def test_versions_of_the_same_second_get_different_names(store):
    assert len({store.save(FILES, {}) for _ in range(5)}) == 5


def test_a_version_is_written_once(store):
    store.save(FILES, {"note": "first"}, version="v1")
    with pytest.raises(VersionExists):
        store.save(FILES, {"note": "second"}, version="v1")
    assert store.metadata("v1")["note"] == "first"


def test_versions_are_listed_newest_first(store):
    for version in ("b", "c", "a"):
        store.save(FILES, {}, version=version)
    assert store.versions() == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("files", "metadata"),
    [({"model.pkl": "text"}, {}), (FILES, {"metric": float("nan")}), (FILES, {"metric": object()})],
)
def test_save_that_fails_leaves_nothing_behind(store, models_dir, files, metadata):
    with pytest.raises((TypeError, ValueError)):
        store.save(files, metadata, version="v1")
    assert store.versions() == []
    assert not models_dir.exists() or [path.name for path in models_dir.iterdir()] == [".lock"]


def test_refused_duplicate_leaves_nothing_behind(store, models_dir):
    store.save(FILES, {}, version="v1")
    with pytest.raises(VersionExists):
        store.save(FILES, {}, version="v1")
    assert sorted(path.name for path in models_dir.iterdir()) == [".lock", "model_v1"]


def test_version_without_metadata_does_not_exist(store, models_dir):
    (models_dir / "model_v1").mkdir(parents=True)
    (models_dir / "model_v1" / "model.pkl").write_bytes(b"half written")
    assert store.versions() == []
    with pytest.raises(VersionNotFound):
        store.metadata("v1")
    with pytest.raises(VersionNotFound):
        store.activate("v1")


def test_folder_whose_name_no_version_has_is_not_listed(store, models_dir):
    (models_dir / "model_a b").mkdir(parents=True)
    (models_dir / "model_a b" / "metadata.json").write_text("{}")
    assert store.versions() == []


SAVING = """
import sys
from pathlib import Path
from app.exceptions import VersionExists
from app.models.repository.store import ModelStore
store = ModelStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
won = 0
for number in range(20):
    try:
        store.save({"model.pkl": b"x" * 10_000}, {}, version=eval(sys.argv[2]))
        won += 1
    except VersionExists:
        pass
print(won)
"""


@pytest.mark.parametrize(
    ("name", "expected"), [("None", 40), ("f'v{number}'", 20)], ids=["default names", "the same names"]
)
def test_two_processes_may_save_at_once(store, models_dir, name, expected):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SAVING, str(models_dir), name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [int(process.communicate(timeout=30)[0]) for process in processes]
    assert sum(won) == expected
    versions = store.versions()
    assert len(versions) == len(set(versions)) == expected
    for version in versions:
        metadata = store.metadata(version)
        assert metadata["version"] == version
        assert len(store.read(version, "model.pkl", metadata)) == 10_000
    assert {path.name for path in models_dir.iterdir()} == {".lock", *(f"model_{name}" for name in versions)}


# --- the active version


def test_activated_version_is_the_active_one(store):
    assert store.active() is None
    for version in ("a", "b"):
        store.save(FILES, {}, version=version)
    store.activate("a")
    assert store.active() == "a"
    store.activate("b")
    assert store.active() == "b"


def test_only_a_complete_version_can_be_activated(store):
    store.save(FILES, {}, version="a")
    store.activate("a")
    with pytest.raises(VersionNotFound):
        store.activate("b")
    assert store.active() == "a"


def test_what_is_activated_while_it_is_removed_is_refused(store):
    for version in ("a", "b"):
        store.save(FILES, {}, version=version)
    store.activate("a")
    for _ in range(50):
        with ThreadPoolExecutor(2) as threads:
            calls = [threads.submit(act, "b") for act in (store.activate, store.remove)]
        failures = [call.exception() for call in calls]
        assert [type(each) for each in failures] in ([NoneType, VersionInUse], [VersionNotFound, NoneType])
        store.metadata(store.active())
        if failures[0] is not None:
            store.save(FILES, {}, version="b")
        store.activate("a")


# --- names


@pytest.mark.parametrize("version", TRAVERSALS)
def test_name_that_is_no_version_is_refused_before_any_path_is_made_of_it(store, version):
    for call in (
        store.metadata,
        store.activate,
        lambda name: store.read(name, "model.pkl", {"files": FILES}),
    ):
        with pytest.raises(InvalidInput):
            call(version)
    if version:
        with pytest.raises(InvalidInput):
            store.save(FILES, {}, version=version)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(version=st.text(st.sampled_from("./\\%2eaA0_-~\x00\n é"), max_size=70))
def test_any_name_is_refused_or_stays_inside_the_store(store, version):
    expected = VersionNotFound if is_version(version) else InvalidInput
    with pytest.raises(expected):
        store.metadata(version)


# --- tampering


def test_untouched_version_loads(published):
    model = load(published)
    assert model.engine.predict(np.array([[1.0, 2.0, 3.0]])).values.tolist() == [6.0]


def test_other_bytes_are_refused_before_they_are_unpickled(published, tmp_path):
    canary = tmp_path / "canary"
    evil = pickled(Canary(canary))
    (published.root / "model_v1" / "model.pkl").write_bytes(evil)
    with pytest.raises(ArtifactInvalid, match="SHA-256"):
        load(published)
    assert not canary.exists()
    # What was refused would have run.
    joblib.load(io.BytesIO(evil))
    assert canary.exists()


def test_every_flipped_bit_is_refused(published):
    path = published.root / "model_v1" / "model.pkl"
    content = path.read_bytes()
    flips = random.Random(0)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[flips.randrange(len(content))] ^= 1 << flips.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ArtifactInvalid, match=r"model\.pkl does not match"):
            load(published)
    path.write_bytes(content)
    load(published)


@pytest.mark.parametrize("keep", [0, 1, 50, -1])
def test_truncated_file_is_refused(published, keep):
    path = published.root / "model_v1" / "model.pkl"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ArtifactInvalid, match="does not match"):
        load(published)


def test_longer_file_is_refused(published):
    path = published.root / "model_v1" / "model.pkl"
    path.write_bytes(path.read_bytes() + b"\x00")
    with pytest.raises(ArtifactInvalid, match="does not match"):
        load(published)


def test_file_of_another_version_is_refused(published):
    publish(published, fitted(SumRegressor(factor=2.0)), sample=BOXES, version="v2")
    other = published.root / "model_v2" / "model.pkl"
    other.replace(published.root / "model_v1" / "model.pkl")
    with pytest.raises(ArtifactInvalid, match="does not match"):
        load(published)


def test_link_to_other_bytes_is_refused(published, tmp_path):
    canary = tmp_path / "canary"
    (tmp_path / "evil.pkl").write_bytes(pickled(Canary(canary)))
    path = published.root / "model_v1" / "model.pkl"
    path.unlink()
    path.symlink_to(tmp_path / "evil.pkl")
    with pytest.raises(ArtifactInvalid, match="symbolic link"):
        load(published)
    assert not canary.exists()


def test_file_swapped_while_it_is_hashed_is_not_unpickled(published, tmp_path):
    canary = tmp_path / "canary"
    path = published.root / "model_v1" / "model.pkl"
    contents = [pickled(Canary(canary)), path.read_bytes()]
    stopped = threading.Event()

    def swap():
        while not stopped.is_set():
            for content in contents:
                (tmp_path / "other.pkl").write_bytes(content)
                (tmp_path / "other.pkl").replace(path)

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes = set()
    try:
        for _ in range(200):
            try:
                outcomes.add(load(published).version)
            except ArtifactInvalid as error:
                outcomes.add(error.reason)
    finally:
        stopped.set()
        swapper.join()
    assert outcomes <= {"v1", "model.pkl does not match its recorded size and SHA-256"}
    assert not canary.exists()


def test_missing_file_is_refused(published):
    (published.root / "model_v1" / "model.pkl").unlink()
    with pytest.raises(ArtifactInvalid, match=r"model\.pkl is missing"):
        load(published)


def test_tampered_scaler_is_refused(store, tmp_path):
    from sklearn.preprocessing import StandardScaler

    canary = tmp_path / "canary"
    publish(store, fitted(SumRegressor()), StandardScaler().fit(BOXES.to_numpy()), sample=BOXES, version="v1")
    load(store)
    (store.root / "model_v1" / "scaler.pkl").write_bytes(pickled(Canary(canary)))
    with pytest.raises(ArtifactInvalid, match=r"scaler\.pkl does not match"):
        load(store)
    assert not canary.exists()


def test_file_that_is_not_listed_is_refused(published):
    rewrite_metadata(published, lambda metadata: metadata["files"].clear())
    with pytest.raises(ArtifactInvalid, match="not listed"):
        load(published)


def test_recorded_bytes_that_are_no_pickle_are_refused(published):
    (published.root / "model_v1" / "model.pkl").write_bytes(b"no pickle")
    rewrite_metadata(
        published, lambda metadata: metadata["files"].update({"model.pkl": fingerprint(b"no pickle")})
    )
    with pytest.raises(ArtifactInvalid, match="unpickling failed"):
        load(published)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00", "5"])
def test_metadata_that_is_no_object_is_refused(published, content):
    (published.root / "model_v1" / "metadata.json").write_text(content)
    with pytest.raises(ArtifactInvalid, match=r"metadata\.json"):
        load(published)


@pytest.mark.parametrize(
    "name",
    [
        "signature",
        "output",
        "golden",
        "files",
        "model_type",
        "params",
        "feature_names",
        "n_features",
        "classes",
        "n_classes",
        "feature_importance",
    ],
)
@pytest.mark.parametrize("value", [None, 5, "x", [], {}], ids=repr)
def test_metadata_with_a_broken_part_is_refused_or_harmless(published, build_app, name, value):
    rewrite_metadata(published, lambda metadata: metadata.update({name: value}))
    app = build_app()
    try:
        app.extensions["model_registry"].default.load("v1")
    except ArtifactInvalid:
        return
    client = app.test_client()
    assert client.get("/api/model/info").status_code == 200
    assert client.post("/api/predict", json={"features": [1, 2, 3]}).status_code == 200


@pytest.mark.parametrize("part", ["rows", "values", "probabilities"])
def test_golden_rows_without_a_part_are_refused(published, part):
    rewrite_metadata(published, lambda metadata: metadata["golden"].pop(part))
    with pytest.raises(ArtifactInvalid, match="golden rows"):
        load(published)


def test_version_without_golden_rows_is_refused(published):
    empty = {"rows": [], "values": [], "probabilities": None}
    rewrite_metadata(published, lambda metadata: metadata.update(golden=empty))
    with pytest.raises(ArtifactInvalid, match="golden rows"):
        load(published)


@pytest.mark.parametrize("name", ["signature", "output", "golden", "files", "model_type", "feature_names"])
def test_metadata_without_a_part_is_refused(published, name):
    rewrite_metadata(published, lambda metadata: metadata.pop(name))
    with pytest.raises(ArtifactInvalid):
        load(published)


def test_damaged_version_leaves_the_other_serving(serve, models_dir):
    client = serve(fitted(SumClassifier()), version="good")
    service = client.application.extensions["model_registry"].default
    publish(service.store, fitted(SumClassifier()), sample=BOXES, version="bad")
    (models_dir / "model_bad" / "model.pkl").write_bytes(b"damage")
    with pytest.raises(ArtifactInvalid):
        service.load("bad")
    assert client.post("/api/predict", json={"features": [1, 2, 3]}).get_json()["model_version"] == "good"


def test_store_that_is_not_there_is_empty(tmp_path):
    store = ModelStore(tmp_path / "nothing")
    assert (store.versions(), store.active()) == ([], None)


def test_newest_version_may_be_damaged_and_is_still_listed(store, models_dir):
    for version in ("old", "new"):
        store.save(FILES, {}, version=version)
    (models_dir / "model_new" / "metadata.json").write_text("{")
    assert store.versions() == ["old", "new"]


def test_failure_of_the_disk_is_not_taken_for_an_existing_version(store, models_dir):
    models_dir.mkdir()
    (models_dir / "model_v1").symlink_to("model_v1")
    with pytest.raises(StoreNotWritable, match=r"symbolic link|Not a directory|File exists"):
        store.save(FILES, {}, version="v1")
    assert sorted(path.name for path in models_dir.iterdir()) == [".lock", "model_v1"]
