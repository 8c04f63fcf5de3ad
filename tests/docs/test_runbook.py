"""docs/runbook.md: each command, run in the order of the page, says what is printed there.

Figures, times and hashes differ from run to run and are not compared.
"""

import json
import re

import joblib
import pytest
import skops.io
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from app import create_app
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.watcher import RepositoryWatcher
from tests.app.models.certification.test_user_onnx import graph
from tests.app.models.importing.mlflow.folders import example_of, mlflow_folder, signature_of
from tests.app.models.loading.test_signing import private_pem
from tests.conftest import configuration
from tests.docs.pages import comparable, exchanges, run
from tests.estimators import BOXES
from tests.settings import ROOT

DOCUMENT = (ROOT / "docs" / "runbook.md").read_text()
SIZE = [0, 1] * 10
YESTERDAY = [
    {"request": {"features": [1, 2, 3]}, "response": {"result": {"prediction": 0}}},
    {
        "request": {"samples": [[1, 2, 3], [9, 9, 9]]},
        "response": {"results": [{"prediction": 0}, {"prediction": 0}]},
    },
]


def prepare(folder):
    """A store of three versions, of which ``monday`` served before ``tuesday``, files, and a worker."""
    store = ModelStore(folder / "models")
    for version in ("monday", "tuesday", "wednesday"):
        forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(BOXES.to_numpy(), SIZE)
        publish(store, forest, metadata={"metrics": {"accuracy": 0.93}}, sample=BOXES, version=version)
        if version != "wednesday":
            store.activate(version)
    (folder / "yesterday.jsonl").write_text("\n".join(map(json.dumps, YESTERDAY)))
    BOXES.assign(size=SIZE).to_csv(folder / "boxes.csv", index=False)
    joblib.dump(forest, folder / "model.pkl")
    skops.io.dump(forest, folder / "model.skops")
    mlflow_folder(folder / "mlflow-model", forest, example_of(BOXES.head()), signature=signature_of(BOXES))
    (folder / "model.onnx").write_bytes(graph(forest, width=3, kind=FloatTensorType, zipmap=True))
    (folder / "private.pem").write_text(private_pem(Ed25519PrivateKey.generate()))
    app = create_app(configuration(store.root))
    with app.app_context():
        model_manager.load_model()
        watcher = RepositoryWatcher(model_manager.served_model)
    watcher.start()
    return app, watcher


def damage(folder):
    """What the page says is damaged from the section on rejected versions on."""
    (folder / "models" / "model_wednesday" / "model.pkl").write_bytes(b"damaged")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_page_says_what_is_printed_there(folder):
    app, watcher = prepare(folder)
    found = list(exchanges(DOCUMENT))
    assert len(found) > 10
    try:
        for command, printed in found:
            if command.endswith("activate wednesday"):
                damage(folder)
            assert comparable(run(app, command)) == comparable(printed), command
    finally:
        watcher.stop()


def test_every_verb_is_on_the_page(empty_app):
    verbs = set(empty_app.cli.commands["models"].commands)
    assert {command.split()[4] for command, _ in exchanges(DOCUMENT) if "flask" in command} == verbs


def test_every_event_of_the_page_exists():
    source = "".join(path.read_text() for path in [ROOT / "run.py", *(ROOT / "app").rglob("*.py")])
    section = DOCUMENT.partition("\n## Log events\n")[2]
    events = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(events) > 5
    assert [event for event in events if f'"{event}"' not in source] == []
