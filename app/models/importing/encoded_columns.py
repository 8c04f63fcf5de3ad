"""The columns that a fitted model encodes, and their categories in the training data."""

from typing import Any

import numpy as np

from app.models.engines.nesting import estimators_in
from app.models.publishing.columns import column_transformers
from app.models.publishing.inspection import as_unsupported_model


def encoded_categories(model: Any) -> dict[str, tuple[Any, ...]]:
    """The categories of every named column that an encoder of the model has learned."""
    found: dict[str, tuple[Any, ...]] = {}
    with as_unsupported_model():
        branches = [each for each in column_transformers(model) if isinstance(each[1], list)]
        own = [(part, getattr(part, "feature_names_in_", None)) for part in estimators_in(model)]
        for transformer, names in (*branches, *own):
            for part in estimators_in(transformer):
                known = getattr(part, "categories_", None)
                if names is not None and known is not None and len(known) == len(names):
                    pairs = zip(names, known, strict=True)
                    found |= {str(name): tuple(_labels(each)) for name, each in pairs}
    return found


def text_columns(model: Any, target: str | None) -> frozenset[str]:
    """Columns with text in the training data, by encoders' categories; the target by the classes."""
    found = {name for name, known in encoded_categories(model).items() if _holds_text(known)}
    with as_unsupported_model():
        classes = getattr(model, "classes_", None)
        if target is not None and classes is not None and _holds_text(_labels(classes)):
            found.add(target)
    return frozenset(found)


def _labels(values: Any) -> list[Any]:
    found: list[Any] = np.asarray(values, dtype=object).ravel().tolist()
    return found


def _holds_text(labels: Any) -> bool:
    return any(isinstance(label, str) for label in labels)
