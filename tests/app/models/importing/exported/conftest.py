"""A store, and importing into it with few probe rows."""

import pytest

from app.models.importing.exported.publish_export import import_export
from app.models.repository.store import ModelStore
from tools import export_model


@pytest.fixture(autouse=True)
def few_probe_rows(monkeypatch):
    monkeypatch.setattr(export_model, "RANDOM_ROWS", 300)


@pytest.fixture
def store(tmp_path):
    (tmp_path / "models").mkdir()
    return ModelStore(tmp_path / "models")


@pytest.fixture
def take_over(store, tmp_path):
    """Import the bytes of an export as ``v1``."""

    def take_over(content):
        path = tmp_path / "old.export"
        path.write_bytes(content)
        return import_export(store, path, version="v1")

    return take_over
