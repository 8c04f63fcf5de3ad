"""Versions change under load, in gunicorn with four workers: nobody notices but by the answers.

The figures are printed: ``pytest tests/drills/test_version_changes.py -m drill -s``.
"""

import gc
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.ensemble import RandomForestClassifier

from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.operations import activate
from tests.estimators import BOXES, SlowToLoad, fitted
from tests.services import Service, gunicorn

pytestmark = pytest.mark.drill

CLIENTS = 8
CHANGES = 20
# What each version answers to ROW; both are sure of it.
ANSWERS = {"one": 0, "two": 1, "slow": 0}
ROW = json.dumps({"features": [1, 1, 1]})


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two forests that disagree about everything; ``one`` is active."""
    store = ModelStore(tmp_path_factory.mktemp("promotion") / "models")
    data = np.random.default_rng(0).uniform(0, 10, (200, 3))
    small = data.sum(axis=1) < 15
    for version, target in {"one": ~small, "two": small}.items():
        forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(data, target.astype(int))
        publish(store, forest, sample=data, version=version)
    store.activate("one")
    return store.root


@pytest.fixture
def models_dir(two_versions: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(two_versions, tmp_path / "models"))


@dataclass
class Load:
    """What the clients saw: when each request began, and the version that answered it."""

    seen: list[tuple[float, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    mislabelled: list[Any] = field(default_factory=list)
    ended: Event = field(default_factory=Event)

    def run(self, port: int) -> None:
        """One client: a request as soon as the last is answered, over one connection."""
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        while not self.ended.is_set():
            began = monotonic()
            try:
                connection.request("POST", "/api/predict", ROW, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = json.loads(response.read())
            except Exception as error:
                self.failed.append(repr(error))
                connection.close()
                continue
            if response.status != 200:
                self.failed.append(f"{response.status} {answer}")
                continue
            version = answer["model_version"]
            self.seen.append((began, version))
            if answer["result"]["prediction"] != ANSWERS[version]:
                self.mislabelled.append(answer)
        connection.close()

    def between(self, start: float, end: float) -> set[str]:
        """The versions that answered requests which began in that time."""
        return {version for began, version in self.seen if start < began < end}


@contextmanager
def under_load(port: int) -> Iterator[Load]:
    """Clients that ask without pause."""
    load = Load()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(load.run, port) for _ in range(CLIENTS)]
        try:
            yield load
        finally:
            load.ended.set()
    for client in running:
        client.result()


def wait_for_workers(server: Service, version: str, number: int = 4) -> None:
    server.wait_until(lambda: server.get(f"/api/models/{version}").json()["workers"] == number)


def test_twenty_changes_under_load_fail_no_request_and_mix_no_answer(models_dir, tmp_path):
    took = []
    settled = []
    with gunicorn(tmp_path, MODELS_DIR=models_dir) as server:
        wait_for_workers(server, "one")
        with under_load(server.port) as load:
            for number in range(CHANGES):
                version = ("two", "one")[number % 2]
                began = monotonic()
                answer = server.post(f"/api/models/{version}/activate?wait=true")
                now = monotonic()
                took.append(now - began)
                assert (answer.status_code, answer.json()["workers"]) == (200, 4), answer.text
                before = len(load.seen)
                server.wait_until(lambda before=before: len(load.seen) > before + 50)
                settled.append((now, monotonic(), version))
    print(
        f"\n{len(load.seen)} requests, {CHANGES} changes: {len(load.failed)} failed,"
        f" {len(load.mislabelled)} with another version's label;"
        f" all workers switched in {max(took):.2f} s at most, {sorted(took)[CHANGES // 2]:.2f} s mostly"
    )
    assert len(load.seen) > 1000
    assert load.failed == []
    assert load.mislabelled == []
    # Once all workers are said to have switched, nobody hears of the other version.
    for start, end, version in settled:
        assert load.between(start, end) == {version}
    # Mostly, because a busy machine may be late once; one that follows slowly is late each time.
    assert sorted(took)[CHANGES // 2] <= 2


def corrupt(models_dir: Path) -> None:
    path = models_dir / "model_two" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def wrong_number_of_features(models_dir: Path) -> None:
    path = models_dir / "model_two" / "metadata.json"
    metadata = json.loads(path.read_bytes())
    metadata["signature"]["features"].pop()
    path.write_text(json.dumps(metadata))


def fails_at_warm_up(models_dir: Path) -> None:
    path = models_dir / "model_two" / "metadata.json"
    metadata = json.loads(path.read_bytes())
    metadata["golden"]["rows"][0] = ["a"]
    path.write_text(json.dumps(metadata))


@pytest.fixture(scope="module")
def server(two_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """gunicorn that serves ``one``."""
    folder = tmp_path_factory.mktemp("bad-promotions")
    shutil.copytree(two_versions, folder / "models")
    with gunicorn(folder, MODELS_DIR=folder / "models") as server:
        wait_for_workers(server, "one")
        yield server


BAD = {
    "corrupt": (corrupt, "does not match its recorded size and SHA-256"),
    "wrong number of features": (wrong_number_of_features, "golden rows"),
    "fails at warm-up": (fails_at_warm_up, "golden rows raised"),
}


@pytest.mark.parametrize(("damage", "reason"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("way", ["asked for over HTTP", "activated by another process"])
def test_bad_promotion_leaves_the_old_version_serving(server, damage, reason, way):
    store = ModelStore(server.output.parent / "models")
    shutil.copytree(store.root / "model_two", sound := store.root.parent / "sound", dirs_exist_ok=True)
    refusals = server.total("model_load_refusals_total")
    lines = len(server.lines())
    damage(store.root)
    try:
        with under_load(server.port) as load:
            if way == "asked for over HTTP":
                answer = server.post("/api/models/two/activate?wait=true")
                assert (answer.status_code, answer.json()["error_type"]) == (409, "conflict")
                assert reason in answer.json()["error"]
                assert store.active() == "one"
            else:
                store.activate("two")
                server.wait_until(lambda: server.total("model_load_refusals_total") >= refusals + 4)
                said = reason.encode()  # counted before it is logged
                server.wait_until(lambda: sum(said in line for line in server.lines()[lines:]) >= 4)
            assert server.get("/api/health/ready").status_code == 200
            assert load.failed == load.mislabelled == []
            if way != "asked for over HTTP":
                shown = server.get("/api/models/two").json()
                assert shown["state"] == "refused"
                assert reason in shown["reason"]
        assert {version for _, version in load.seen} == {"one"}
        assert server.total("model_load_refusals_total") > refusals
        assert server.get("/api/models/one").json()["workers"] == 4
    finally:
        store.activate("one")
        shutil.copytree(sound, store.root / "model_two", dirs_exist_ok=True)


def test_version_that_is_slow_to_load_holds_nobody_up(server):
    """Each worker answers with the old version for the second, whichever way it is activated."""
    store = ModelStore(server.output.parent / "models")
    publish(store, fitted(SlowToLoad()), sample=BOXES, version="slow")
    for activate_slow in (
        lambda: server.post("/api/models/slow/activate?wait=true"),
        lambda: store.activate("slow"),
    ):
        with under_load(server.port) as load:
            server.wait_until(lambda load=load: len(load.seen) > 50)
            began = monotonic()
            activate_slow()
            wait_for_workers(
                server, "slow"
            )  # who asked by HTTP may have waited for too short on a busy machine
            now = monotonic()
            before = len(load.seen)
            server.wait_until(lambda load=load, before=before: len(load.seen) > before + 50)
        assert load.failed == load.mislabelled == []
        during = [began for began, version in load.seen if version == "one"]
        assert sum(began < each < began + 1 for each in during) > 20
        assert load.between(now, monotonic()) == {"slow"}
        store.activate("one")
        wait_for_workers(server, "one")
    store.remove("slow")


def test_repaired_version_is_taken_up_without_being_activated_again(server):
    store = ModelStore(server.output.parent / "models")
    shutil.copytree(store.root / "model_two", sound := store.root.parent / "sound", dirs_exist_ok=True)
    corrupt(store.root)
    store.activate("two")
    server.wait_until(lambda: server.get("/api/models/two").json()["state"] == "refused")
    shutil.copytree(sound, store.root / "model_two", dirs_exist_ok=True)
    wait_for_workers(server, "two")
    assert server.get("/api/models/two").json()["state"] == "active"
    assert server.post("/api/models/rollback?wait=true").json() == {
        "version": "one",
        "state": "active",
        "workers": 4,
    }


def test_damaged_active_version_at_the_start_gives_way_to_the_one_before(models_dir, tmp_path):
    store = ModelStore(models_dir)
    store.activate("two")
    corrupt(models_dir)
    with gunicorn(tmp_path, WORKERS=1, MODELS_DIR=models_dir) as server:
        server.wait_until(lambda: server.get("/api/health/ready").status_code == 200)
        assert server.get("/api/health").json()["model_version"] == "one"
        shown = server.get("/api/models").json()
        assert shown["active"] == "two"
        states = {each["version"]: (each["state"], each["workers"]) for each in shown["versions"]}
        assert states == {"one": ("available", 1), "two": ("refused", 0)}
        output = server.output.read_text()
        assert "the active version is unusable" in output
        assert "SERVING AN EARLIER VERSION THAN THE ACTIVE ONE" in output


def test_memory_after_200_changes_is_that_after_20(models_dir, build_app: Callable[..., Any]):
    app = build_app(MODELS_DIR=models_dir)
    process = psutil.Process()
    sizes = {}
    with app.app_context():
        service = model_manager.served_model
        for number in range(1, 201):
            version = ("two", "one")[number % 2]
            activate(service, version)
            answer = model_manager.predict(np.ones(3))
            assert answer["prediction"] == ANSWERS[version]
            if number in (20, 200):
                gc.collect()
                sizes[number] = process.memory_info().rss
    print(f"\nafter 20 changes {sizes[20] / 1e6:.0f} MB, after 200 {sizes[200] / 1e6:.0f} MB")
    assert sizes[200] <= 1.3 * sizes[20]
