import shutil

import pytest

from app.models.loading.loader import LoadingOptions
from app.models.ports import Observer
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.served_model import ServedModel
from app.models.serving.watcher import RepositoryWatcher
from tests.estimators import BOXES, SumRegressor, fitted


class Changes(Observer):
    """Keeps which versions were loaded and which refused."""

    def __init__(self):
        self.served = []
        self.refused_versions = []

    def loaded(self, model, *, seconds):
        self.served.append(model.version)

    def refused(self, version, reason):
        self.refused_versions.append(version)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("followed"))
    for version in ("one", "two"):
        publish(store, fitted(SumRegressor()), sample=BOXES, version=version)
    store.activate("one")
    return store.root


@pytest.fixture
def store(published, tmp_path):
    return ModelStore(shutil.copytree(published, tmp_path / "models"))


@pytest.fixture
def service(store):
    service = ServedModel(store, LoadingOptions())
    service.observer = Changes()
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


def test_what_is_activated_elsewhere_serves_after_a_look(store, service, watcher):
    watcher.poll()
    assert (service.model.version, service.observer.served) == ("one", ["one"])
    ModelStore(store.root).activate("two")
    watcher.poll()
    assert (service.model.version, service.observer.served) == ("two", ["one", "two"])


def test_without_an_active_version_what_serves_goes_on(store, service, watcher):
    (store.root / "active.json").unlink()
    watcher.poll()
    assert service.model.version == "one"


def test_refused_version_is_tried_once(store, service, watcher):
    damage(store, "two")
    store.activate("two")
    for _ in range(5):
        watcher.poll()
    assert service.model.version == "one"
    assert service.observer.refused_versions == ["two"]
    assert "does not match" in service.refused["two"]


def test_refused_version_is_tried_again_once_its_files_change(store, service, watcher):
    repair = damage(store, "two")
    store.activate("two")
    watcher.poll()
    repair()
    watcher.poll()
    assert service.model.version == "two"
    assert service.refused == {}


def test_refused_version_is_tried_again_once_another_was_active(store, service, watcher):
    damage(store, "two")
    for version in ("two", "one", "two"):
        store.activate(version)
        watcher.poll()
    assert service.observer.refused_versions == ["two", "two"]


def test_active_version_that_is_gone_is_looked_for_once(store, service, watcher):
    store.activate("two")
    shutil.rmtree(store.root / "model_two")
    for _ in range(5):
        watcher.poll()
    assert service.model.version == "one"
    assert service.observer.refused_versions == ["two"]


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
    router = service.loaded_split
    (store.root / "routing.json").write_text("{")
    watcher.poll()
    watcher.poll()
    assert service.loaded_split is router
    assert [record.message for record in caplog.records].count("what serves goes on") == 1


def test_process_that_follows_counts_as_a_worker_and_no_other_does(store, service, watcher):
    assert service.workers.living() == []
    watcher.start()
    try:
        assert service.workers.living() == [{"version": "one", "refused": {}, "routing": None}]
    finally:
        watcher.stop()


def test_process_that_starts_without_a_model_takes_up_the_first(tmp_path, published):
    store = ModelStore(tmp_path / "empty")
    service = ServedModel(store, LoadingOptions())
    watcher = RepositoryWatcher(service)
    watcher.poll()
    assert not service.loaded
    shutil.copytree(published / "model_one", store.root / "model_one")
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
