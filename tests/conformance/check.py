"""One case: saved, served over HTTP, and every answer compared with the model's own."""

import math
import warnings
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from flask.testing import FlaskClient
from sklearn.pipeline import make_pipeline

from app import create_app
from app.exceptions import ServiceError
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.conformance.case import Brought, Case, boundary_rows, take

BOUND = 1e-5
BATCH = 100
SINGLE = 10


@dataclass
class Result:
    """What came of a case. ``failure``: what must not be, in a sentence."""

    name: str
    fits: bool = True
    engine: str = "–"
    rows: int = 0
    labels_differ: int = 0
    largest: float = 0.0
    refused_by_both: int = 0
    refusal: str | None = None
    failure: str | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if nothing served differs and nothing valid was refused."""
        return self.failure is None and not self.problems and not self.labels_differ


def check(case: Case, root: Path) -> Result:
    """Save the model of a case in a store below ``root``, and compare."""
    result = Result(case.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            brought = case.bring()
        except Exception:  # scikit-learn does not fit it: then nobody brings it
            result.fits = False
            return result
        servable = any(hasattr(brought.model, method) for method in ("predict", "transform"))
        if not case.refused and not servable:  # as LocalOutlierFactor by default
            result.fits = False
            return result
        store = ModelStore(root)
        try:
            version = publish(store, brought.model, brought.scaler, sample=brought.sample)
        except ServiceError as error:
            result.refusal = str(error)
            if not case.refused:
                result.failure = f"refused: {error}"
            return result
        except Exception as error:  # what the matrix looks for
            result.failure = f"publish raised {type(error).__name__}: {error}"
            return result
        if case.refused:
            result.failure = "it was saved"
            return result
        result.engine = store.metadata(version)["engine"]
        _compare(brought, _client(root, version), store.metadata(version), result)
    return result


def assert_served(case: Case, root: Path) -> None:
    """The test that all its models share."""
    result = check(case, root)
    assert result.failure is None
    assert result.problems == []
    assert result.labels_differ == 0
    assert result.rows or result.refusal


def _client(root: Path, version: str) -> FlaskClient:
    from tests.conftest import configuration

    app = create_app(configuration(root, OUTLIER_POLICY="off", LOG_LEVEL="CRITICAL", CACHE_MODE="off"))
    with app.app_context():
        model_manager.load_model(version)
    return app.test_client()


def _compare(brought: Brought, client: FlaskClient, metadata: dict[str, Any], result: Result) -> None:
    model = brought.model if brought.scaler is None else make_pipeline(brought.scaler, brought.model)
    _compare_rows(model, brought.rows, client, metadata, result)
    if len(extra := boundary_rows(model, brought.rows)):
        _compare_rows(model, extra, client, metadata, result)


def _compare_rows(
    model: Any, rows: Any, client: FlaskClient, metadata: dict[str, Any], result: Result
) -> None:
    names = metadata["feature_names"]
    order = list(rows.columns.astype(str)) if isinstance(rows, pd.DataFrame) else names
    wire = [_wire(rows, position) for position in range(len(rows))]
    spread = np.array(metadata["output"]["spread"] or [1.0])
    named = [dict(zip(order, row, strict=True)) for row in wire]
    lists = [[row[name] for name in names] for row in named]
    for bodies in (lists, named):
        for start in range(0, len(rows), BATCH):
            part = bodies[start : start + BATCH]
            own = _own_answers(model, rows, range(len(rows))[start : start + BATCH], metadata)
            for offset, answer in enumerate(_batch(client, part, result)):
                _judge(answer, own[offset], spread, metadata, result, start + offset)
    for position in range(0, len(rows), max(1, len(rows) // SINGLE)):
        response = client.post("/api/predict", json={"features": lists[position]})
        answer = response.get_json()
        found = answer["result"] if response.status_code == 200 else answer
        if response.status_code not in (200, 400):
            result.problems.append(f"row {position}: status {response.status_code}")
        (alone,) = _own_answers(model, rows, [position], metadata)
        _judge(found, alone, spread, metadata, result, position)


def _batch(client: FlaskClient, rows: list[Any], result: Result) -> list[dict[str, Any]]:
    response = client.post("/api/predict/batch?errors=rows", json={"samples": rows})
    document = response.get_json()
    if response.status_code == 200:
        return list(document["results"])
    if response.status_code != 400:
        result.problems.append(f"status {response.status_code}")
    return [document] * len(rows)


def _own_answers(model: Any, rows: Any, positions: Any, metadata: dict[str, Any]) -> list[Any]:
    """The model's answers to one call, in its own form, with probabilities; None for a row that has none."""
    part = take(rows, positions)
    try:
        answer = model.predict if hasattr(model, "predict") else model.transform
        values = answer(deepcopy(part))
        values = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
        beside = _beside(model, part, len(values), metadata["output"])
    except Exception:  # whatever it raises for one of them
        if len(positions) == 1:
            return [None]
        return [_own_answers(model, rows, [position], metadata)[0] for position in positions]
    return [_own_answer(*each) for each in zip(values, beside, strict=True)]


def _beside(model: Any, part: Any, n_rows: int, output: dict[str, Any]) -> Any:
    """The numbers beside each label: probabilities, those of several targets in one row, or a score."""
    if output["scored"]:
        return np.asarray(model.decision_function(deepcopy(part))).reshape(-1, 1)
    if not output["probabilities"]:
        return [None] * n_rows
    found = model.predict_proba(deepcopy(part))
    if not output["targets"]:
        return np.asarray(found)
    if isinstance(found, list):
        return np.concatenate(found, axis=1)
    return np.stack([1 - np.asarray(found), np.asarray(found)], axis=-1).reshape(n_rows, -1)


def _own_answer(value: Any, probabilities: Any) -> Any:
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    numbers = value if isinstance(value, list) else [value]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        return None
    if probabilities is not None and not np.isfinite(probabilities).all():
        return None
    return value, probabilities


def _judge(
    answer: dict[str, Any], own: Any, spread: Any, metadata: dict[str, Any], result: Result, position: int
) -> None:
    result.rows += 1
    key = "outputs" if metadata["output"]["task"] == "transformation" else "prediction"
    if own is None or key not in answer:
        if own is None and key not in answer:
            result.refused_by_both += 1
        elif own is None:
            result.problems.append(f"row {position} is answered, the model refuses it")
        else:
            result.problems.append(f"row {position} is refused: {answer['details']}"[:300])
        return
    value, probabilities = own
    served = answer[key]
    if metadata["output"]["task"] in ("regression", "transformation"):
        values, answers = np.atleast_1d(value), np.atleast_1d(served)
        center = np.array(metadata["output"]["center"])
        scale = np.maximum(np.where(spread > 0, spread, np.abs(values) + 1e-300), np.abs(values - center))
        apart = float((np.abs(values - answers) / scale).max())
    else:
        if served != value or isinstance(served, bool) != isinstance(value, bool):
            result.labels_differ += 1
            result.problems.append(f"row {position}: {served!r} is served, the model says {value!r}")
        apart = 0.0
    if probabilities is not None:
        largest = 1.0 if not metadata["output"]["scored"] else max(spread[0], abs(probabilities[0]))
        apart = max(apart, float(np.abs(_served_beside(answer) - probabilities).max()) / largest)
    result.largest = max(result.largest, apart)
    if not apart <= BOUND:
        result.problems.append(f"row {position}: {apart:.2g} apart")


def _served_beside(answer: dict[str, Any]) -> Any:
    if "score" in answer:
        return np.array([answer["score"]])
    found = answer["probabilities"]
    return np.array(
        [number for each in (found if isinstance(found, list) else [found]) for number in each.values()]
    )


def _wire(rows: Any, position: int) -> list[Any]:
    """One row as JSON carries it."""
    row = take(rows, [position])
    if isinstance(row, pd.DataFrame):
        cells = [row.iloc[0, column] for column in range(row.shape[1])]
    else:
        cells = [*row] if isinstance(row, list | pd.Series) else list(row[0])
    return [_plain(cell) for cell in cells]


def _plain(cell: Any) -> Any:
    if cell is None or cell is pd.NA or (isinstance(cell, float | np.floating) and math.isnan(cell)):
        return None
    if isinstance(cell, date):  # a time too
        return None if pd.isna(cell) else cell.isoformat()
    return cell.item() if isinstance(cell, np.generic) else cell
