"""A model behind the data plane, published as its author would."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of matplotlib, about shap's colours
    import shap  # noqa: F401 # before the tests do, for which warnings are errors

from app.models.loading.loader import LoadingOptions
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.served_model import ServedModel

Serve = Callable[..., ServedModel]


@pytest.fixture
def served(tmp_path: Path) -> Serve:
    """Publish a model with its sample, load it, and return what serves it."""

    def served(model: Any, sample: Any, scaler: Any = None, **options: Any) -> ServedModel:
        store = ModelStore(tmp_path / "models")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries about names of columns
            publish(store, model, scaler, sample=sample, version="v1")
        served_model = ServedModel(store, LoadingOptions(**options))
        served_model.load("v1")
        return served_model

    return served


def explained(served_model: ServedModel, rows: Any, *, columns: int = 1_000) -> list[dict[str, Any]]:
    """The explanations of rows, each beside its prediction."""
    prediction = served_model.predict(rows, explain=columns)
    pairs = zip(prediction.explanations, prediction.to_dicts(), strict=True)
    return [{**explanation, "answer": answer} for explanation, answer in pairs]


def contributions(explanation: dict[str, Any]) -> dict[str, float]:
    """The contributions by column."""
    return {each["name"]: each["contribution"] for each in explanation["contributions"]}


def total(explanation: dict[str, Any]) -> float:
    """Base, contributions and others together."""
    return explanation["base_value"] + sum(contributions(explanation).values()) + explanation["others"]
