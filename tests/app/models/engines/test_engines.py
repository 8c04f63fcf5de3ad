"""Which engine serves a version, and what it needs for that."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.exceptions import ArtifactInvalid
from app.models.loading import loader
from app.models.loading.loader import LoadingOptions
from app.models.repository.store import ModelStore

SERVE_WITHOUT_SCIKIT_LEARN = """
import sys
from pathlib import Path
from app.models.loading.loader import LoadingOptions
from app.models.serving.served_model import ServedModel
from app.models.repository.store import ModelStore

service = ServedModel(ModelStore(Path(sys.argv[1])), LoadingOptions(engine=sys.argv[2]))
service.load("synthetic")
service.predict([[0.0] * 20])
print([name for name in ("sklearn", "pandas", "joblib", "pickle") if name in sys.modules])
"""


@pytest.fixture
def certified(trained_dir: Path) -> ModelStore:
    return ModelStore(trained_dir)


@pytest.mark.parametrize("engine", ["onnx", "auto"])
def test_certified_onnx_model_serves_without_importing_scikit_learn(
    certified: ModelStore, engine: str
) -> None:
    command = [sys.executable, "-c", SERVE_WITHOUT_SCIKIT_LEARN, str(certified.root), engine]
    output = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert set(json.loads(output.replace("'", '"'))) <= {"pickle"}  # numpy imports the module


@pytest.mark.parametrize("engine", ["sklearn", "onnx"])
def test_engine_asked_for_serves(certified: ModelStore, engine: str) -> None:
    assert loader.load(certified, "synthetic", LoadingOptions(engine=engine)).engine.name == engine


def test_all_engines_give_the_same_answers(certified: ModelStore) -> None:
    golden = certified.metadata("synthetic")["golden"]
    for engine in ("sklearn", "onnx"):
        model = loader.load(certified, "synthetic", LoadingOptions(engine=engine))
        outcome = model.engine.predict(loader.validate_rows(golden["rows"], model.signature))
        assert outcome.values.tolist() == golden["values"]


def edit_certificate(store: ModelStore, version: str, engine: str, **changes: object) -> None:
    path = store.root / f"model_{version}" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["certificates"][engine].update(changes)
    path.write_text(json.dumps(metadata))


@pytest.fixture
def copied(certified: ModelStore, tmp_path: Path) -> ModelStore:
    import shutil

    shutil.copytree(certified.root / "model_synthetic", tmp_path / "copy" / "model_synthetic")
    return ModelStore(tmp_path / "copy")


def test_certificate_made_with_another_library_version_is_void(
    copied: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    edit_certificate(copied, "synthetic", "onnx", libraries={"onnxruntime": "0.1"})
    model = loader.load(copied, "synthetic", LoadingOptions())
    assert model.engine.name == "sklearn"
    assert "onnxruntime 0.1" in caplog.records[-1].reason


@pytest.mark.parametrize(
    "changes",
    [{"libraries": {"numpy": "0.1"}}, {"certified": False, "reason": "labels differ"}],
    ids=["void", "refused"],
)
def test_asking_for_an_engine_without_a_valid_certificate_is_refused(
    copied: ModelStore, changes: dict[str, object]
) -> None:
    edit_certificate(copied, "synthetic", "onnx", **changes)
    with pytest.raises(ArtifactInvalid, match="MODEL_ENGINE=onnx"):
        loader.load(copied, "synthetic", LoadingOptions(engine="onnx"))
