import shutil

import pytest

from app.models.loading.loader import LoadingOptions
from app.models.ports import Loaded, LoadRejected
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.served_model import ServedModel
from app.models.serving.watcher import RepositoryWatcher
from tests.estimators import BOXES, SumRegressor, fitted


class Changes:
    """Observer that keeps which versions were loaded and which rejected."""

    def __init__(self):
        self.loaded = []
        self.rejected = []

    def __call__(self, model, event):
        if isinstance(event, Loaded):
            self.loaded.append(event.model.version)
        elif isinstance(event, LoadRejected):
            self.rejected.append(event.version)


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("followed"))
    for version in ("one", "two"):
        publish(store, fitted(SumRegressor()), sample=BOXES, version=version)
    store.activate("one")
    return store.root


@pytest.fixture
def changes():
    return Changes()


@pytest.fixture
def service(store, changes):
    service = ServedModel(store, LoadingOptions(), observers=[changes])
    service.load()
    return service


@pytest.fixture
def watcher(service):
    return RepositoryWatcher(service)


def damage(store, version):
    path = store.root / f"model_{version}" / "model.pkl"
    sound = path.read_bytes()
    path.write_bytes(b"damaged")
    return lambda: path.write_bytes(sound)


def test_what_is_activated_elsewhere_serves_after_a_look(store, service, watcher, changes):
    watcher.poll()
    assert (service.model.version, changes.loaded) == ("one", ["one"])
    ModelStore(store.root).activate("two")
    watcher.poll()
    assert (service.model.version, changes.loaded) == ("two", ["one", "two"])


def test_without_an_active_version_what_serves_goes_on(store, service, watcher):
    (store.root / "active.json").unlink()
    watcher.poll()
    assert service.model.version == "one"


def test_refused_version_is_tried_once(store, service, watcher, changes):
    damage(store, "two")
    store.activate("two")
    for _ in range(5):
        watcher.poll()
    assert service.model.version == "one"
    assert changes.rejected == ["two"]
    assert "does not match" in service.rejected["two"]


def test_refused_version_is_tried_again_once_its_files_change(store, service, watcher):
    repair = damage(store, "two")
    store.activate("two")
    watcher.poll()
    repair()
    watcher.poll()
    assert service.model.version == "two"
    assert service.rejected == {}


def test_refused_version_is_tried_again_once_another_was_active(store, service, watcher, changes):
    damage(store, "two")
    for version in ("two", "one", "two"):
        store.activate(version)
        watcher.poll()
    assert changes.rejected == ["two", "two"]


def test_active_version_that_is_gone_is_looked_for_once(store, service, watcher, changes):
    store.activate("two")
    shutil.rmtree(store.root / "model_two")
    for _ in range(5):
        watcher.poll()
    assert service.model.version == "one"
    assert changes.rejected == ["two"]


def test_failure_that_is_no_refusal_is_tried_again(store, service, watcher, monkeypatch):
    store.activate("two")
    with monkeypatch.context() as patch:
        patch.setattr(service, "load", lambda version: 1 / 0)
        watcher.poll()
    assert service.model.version == "one"
    watcher.poll()
    assert service.model.version == "two"


def test_what_serves_goes_on_while_the_active_version_cannot_be_read(store, service, watcher, caplog):
    path = store.root / "active.json"
    for damage in (b"", b"{", b'{"version": "a"', b"[" * 200_000):
        path.write_bytes(damage)
        watcher.poll()
        watcher.poll()
        assert service.model.version == "one"
    assert [record.message for record in caplog.records].count("what serves goes on") == 1
    path.unlink()
    store.activate("two")
    watcher.poll()
    assert service.model.version == "two"


def test_routing_goes_on_while_its_file_cannot_be_read(store, service, watcher, caplog):
    store.route(TrafficSplit("ab", {"two": 50}))
    watcher.poll()
    router = service.traffic_router.split
    (store.root / "routing.json").write_text("{")
    watcher.poll()
    watcher.poll()
    assert service.traffic_router.split is router
    assert [record.message for record in caplog.records].count("what serves goes on") == 1


def test_process_that_follows_counts_as_a_worker_and_no_other_does(store, service, watcher):
    assert service.workers.living() == []
    watcher.start()
    try:
        assert service.workers.living() == [{"version": "one", "refused": {}, "routing": None}]
    finally:
        watcher.stop()


def test_process_that_starts_without_a_model_takes_up_the_first(tmp_path, initial_store):
    store = ModelStore(tmp_path / "empty")
    service = ServedModel(store, LoadingOptions())
    watcher = RepositoryWatcher(service)
    watcher.poll()
    assert not service.loaded
    shutil.copytree(initial_store / "model_one", store.root / "model_one")
    store.activate("one")
    watcher.poll()
    assert service.model.version == "one"


def test_worker_whose_file_was_tidied_away_is_counted_again(store, service):
    service.join_workers()
    assert len(service.workers.living()) == 1
    shutil.rmtree(store.root / ".workers")
    assert service.workers.living() == []
    service.load("two")
    assert [report["version"] for report in service.workers.living()] == ["two"]
    service.workers.leave()
