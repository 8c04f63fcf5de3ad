"""docs/runbook.md: three versions, files, and a worker."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import pytest
import skops.io
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from app import create_app
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.watcher import RepositoryWatcher
from tests.app.models.certification.test_user_onnx import graph
from tests.app.models.importing.mlflow.folders import example_of, mlflow_folder, signature_of
from tests.conftest import configuration
from tests.docs.sessions.session import Session
from tests.estimators import BOXES
from tests.services import require_command

SIZE = [0, 1] * 10
YESTERDAY = [
    {"request": {"features": [1, 2, 3]}, "response": {"result": {"prediction": 0}}},
    {
        "request": {"samples": [[1, 2, 3], [9, 9, 9]]},
        "response": {"results": [{"prediction": 0}, {"prediction": 0}]},
    },
]


@contextmanager
def runbook(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """``monday`` served before ``tuesday``; ``wednesday`` is damaged before it is activated."""
    require_command("openssl")
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
    app = create_app(configuration(store.root))
    with app.app_context():
        model_manager.load_model()
        watcher = RepositoryWatcher(model_manager.served_model)
    watcher.start()
    damaged = folder / "models" / "model_wednesday" / "model.pkl"
    before = {"activate wednesday": lambda: damaged.write_bytes(b"damaged")}
    try:
        yield Session(folder, app, before=before)
    finally:
        watcher.stop()
