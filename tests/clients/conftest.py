"""A store with all models, the service on it, and what the stock clients got from it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.models.repository.store import ModelStore
from tests.clients import fitted_models
from tests.services import Service, gunicorn


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flowers' model as the default one, beside it ``widths`` and ``people``."""
    store = ModelStore(tmp_path_factory.mktemp("clients") / "models")
    fitted_models.publish_all(store)
    return store.root


@pytest.fixture(scope="module")
def own_store(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for each module, whose models come and go."""
    return Path(shutil.copytree(published, tmp_path_factory.mktemp("store") / "models"))


@pytest.fixture(scope="module")
def service(own_store: Path) -> Iterator[Service]:
    with gunicorn(own_store.parent, MODELS_DIR=own_store, WORKERS=2) as running:
        yield running


@pytest.fixture(scope="module")
def people_service(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose default model is the people's: some protocols name no model."""
    folder = tmp_path_factory.mktemp("people")
    with gunicorn(folder, MODELS_DIR=published / "people", WORKERS=1) as running:
        yield running
