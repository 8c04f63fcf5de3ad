"""docs/switching.md: a model of people, and what other servers answered with it yesterday."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest

from app import create_app
from tests.app.models.importing.mlflow.folders import example_of, mlflow_folder, signature_of
from tests.conftest import configuration
from tests.docs.sessions.projects import people_pipeline
from tests.docs.sessions.session import Session
from tests.estimators import INCOME, PEOPLE

ASKED = [[31, "Athens"], [20, "Cairo"], [44, "Berlin"]]
COLUMNS = ["age", "city"]


def logs(model: Any) -> dict[str, list[dict[str, Any]]]:
    """What each server wrote down, with the model's own answers."""
    labels = model.predict(pd.DataFrame(ASKED, columns=COLUMNS)).tolist()
    asked = list(zip(ASKED, labels, strict=True))
    mlserver = [
        {
            "path": "/v2/models/people/infer",
            "request": {
                "parameters": {"content_type": "pd"},
                "inputs": [
                    {"name": "age", "shape": [1, 1], "datatype": "FP64", "data": [age]},
                    {"name": "city", "shape": [1, 1], "datatype": "BYTES", "data": [city]},
                ],
            },
            "response": {
                "model_name": "people",
                "outputs": [{"name": "predict", "shape": [1, 1], "datatype": "BYTES", "data": [label]}],
            },
        }
        for (age, city), label in asked
    ]
    mlflow = [
        {
            "request": {"dataframe_split": {"columns": COLUMNS, "data": [row]}},
            "response": {"predictions": [label]},
            "status_code": 200,
        }
        for row, label in asked
    ]
    bento = [
        {"request": {"rows": ASKED[:2]}, "response": labels[:2]},
        {"request": {"rows": ASKED[2:]}, "response": labels[2:]},
    ]
    fastapi = [
        {"request": dict(zip(COLUMNS, row, strict=True)), "response": {"income": label}}
        for row, label in [*asked, ([None, "Athens"], "low")]
    ]
    return {"mlserver": mlserver, "mlflow": mlflow, "bento": bento, "fastapi": fastapi}


@contextmanager
def old_servers(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """The files of a model, the logs, and an app on an empty repository."""
    PEOPLE.assign(income=INCOME).to_csv(folder / "people.csv", index=False)
    model = people_pipeline()
    joblib.dump(model, folder / "model.joblib")
    mlflow_folder(folder / "mlflow-model", model, example_of(PEOPLE.head()), signature=signature_of(PEOPLE))
    for name, lines in logs(model).items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    app = create_app(configuration(folder / "models"))
    yield Session(folder, app)
