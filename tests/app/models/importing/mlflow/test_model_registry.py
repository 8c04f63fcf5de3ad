"""Which version ``models:/…`` means, and where its files are."""

import pytest

from app.models.importing.mlflow.model_registry import RegistryFiles, resolve
from app.models.importing.mlflow.model_uri import ModelUri
from app.models.importing.mlflow.tracking_server import RegistryUnavailable, TrackingServer
from app.models.untrusted import ImportRefused


@pytest.fixture
def server(registry, tmp_path):
    """A client of a registry with the versions 9 and 10; the champion is 9."""
    registry.versions |= {"9": tmp_path, "10": tmp_path}
    registry.aliases["champion"] = "9"
    (tmp_path / "MLmodel").write_text("flavors: {}")
    return TrackingServer(registry.address)


@pytest.mark.parametrize(
    "text", ["models:/boxes@champion", "models:/boxes/3", "models:/boxes", "models:/boxes of wood@a-b"]
)
def test_uri_is_read_and_written(text):
    assert str(ModelUri.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["models:/", "models:/a/Production", "models:/a@", "models:/a/3@b", "models:a"]
)
def test_other_uris_are_refused(text):
    with pytest.raises(ValueError, match="expected models:/name@alias, models:/name/3 or models:/name"):
        ModelUri.parse(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("models:/boxes@champion", "9"),
        ("models:/boxes/9", "9"),
        ("models:/boxes", "10"),
        ("models:/boxes/latest", "10"),
    ],
)
def test_version_is_that_of_the_alias_or_the_number_or_the_latest(server, text, number):
    found = resolve(server, ModelUri.parse(text))
    assert found.origin == {
        "registered_model": "boxes",
        "registered_version": number,
        "source": f"models:/m-{number}",
        "run_id": "r-1",
    }


def test_version_that_is_not_there_or_not_ready_is_said(server, registry):
    with pytest.raises(RegistryUnavailable, match="answers 404: not found"):
        resolve(server, ModelUri("boxes", alias="nobody"))
    registry.answers["mlflow/model-versions/get"] = (
        200,
        {},
        b'{"model_version": {"version": "9", "status": "PENDING_REGISTRATION"}}',
    )
    with pytest.raises(RegistryUnavailable, match="not ready in the registry: PENDING_REGISTRATION"):
        resolve(server, ModelUri("boxes", version="9"))
    registry.versions.clear()
    with pytest.raises(RegistryUnavailable, match="models:/boxes has no version"):
        resolve(server, ModelUri("boxes"))


def test_files_come_by_the_server(server, tmp_path):
    files = RegistryFiles(server, resolve(server, ModelUri("boxes", version="9")), tmp_path / "copy")
    assert files.fetch("MLmodel").read_text() == "flavors: {}"
    with pytest.raises(ImportRefused, match="no path within the model"):
        files.fetch("../../10/model/MLmodel")


@pytest.mark.parametrize(
    "uri", ["s3://bucket/model", "file:///etc", "mlflow-artifacts://elsewhere:80/x", "http://elsewhere/x"]
)
def test_files_elsewhere_are_not_asked_for(server, registry, tmp_path, uri):
    registry.artifact_uri = uri
    with pytest.raises(ImportRefused, match=r"which the MLflow server does not pass on.*import the folder"):
        RegistryFiles(server, resolve(server, ModelUri("boxes", version="9")), tmp_path)
