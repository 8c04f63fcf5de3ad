"""The input example of an MLflow model as a sample, and the types of its signature."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.models.compilation.compilers import one_line
from app.models.importing.encoded_columns import encoded_categories
from app.models.importing.mlflow.mlmodel import MLmodel
from app.models.publishing.inspection import InspectedModel
from app.models.schema.signature import Feature
from app.models.untrusted import ImportRefused

EXAMPLE = ".json"
# Bytes.
MAX_EXAMPLE = 64 * 1024**2
TEXT = "string"
DTYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "datetime": "datetime64[ns]",
}


def read_example(path: Path, mlmodel: MLmodel) -> "pd.DataFrame | NDArray[Any]":
    """The rows of the input example, under the signature's names and in its types.

    :raises ImportRefused: if it is no table of rows.
    """
    kind = mlmodel.example.type if mlmodel.example else None
    if kind not in {"dataframe", "ndarray"}:
        raise ImportRefused(f"the input example is no table of rows, but a {kind}: bring rows with --sample")
    try:
        document = json.loads(path.read_bytes())
        if isinstance(document, dict) and "inputs" in document:  # beside parameters, and in MLflow 1
            document = document["inputs"]
        if kind == "ndarray":
            return np.array(document, dtype=mlmodel.dtype)
        return typed(pd.DataFrame(document["data"], columns=document.get("columns")), mlmodel.columns)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ImportRefused(f"the input example cannot be read: {one_line(error)}") from None


def text_of(columns: Mapping[str, str]) -> frozenset[str]:
    """The columns that hold text, as 007 does, by the types of the signature."""
    return frozenset(name for name, kind in columns.items() if kind == TEXT)


def typed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The frame with the dtypes of the signature, in which MLflow passes columns to the model.

    :raises ImportRefused: for a value that its column's type cannot hold.
    """
    changed = {name: _cast(frame[name], kind) for name, kind in columns.items() if name in frame}
    return frame.assign(**changed)


def _cast(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    dtype = DTYPES.get(kind)
    exact = kind in {"boolean", "integer", "long"}
    if dtype is None or (exact and column.isna().any()):
        return column
    try:
        cast = column.astype(dtype)
        if exact and not (cast == column).all():
            raise ValueError("a value would change")
    except (ValueError, TypeError) as error:
        raise ImportRefused(
            f"column {column.name!r} of the sample is no {kind}, as the signature says: {one_line(error)}"
        ) from None
    return cast


def as_inspected_by_example(inspected: InspectedModel, model: Any) -> InspectedModel:
    """The model without the ranges of a few example rows, which training data exceed, and with the
    categories of its encoders in place of the example's.

    :raises ImportRefused: if the model takes certain categories only, and nothing names them.
    """
    known = encoded_categories(model)
    features = tuple(_without_ranges(feature, known) for feature in inspected.signature.features)
    return replace(inspected, signature=replace(inspected.signature, features=features), sample=None)


def _without_ranges(feature: Feature, known: Mapping[str, tuple[Any, ...]]) -> Feature:
    bare = replace(feature, statistics={})
    if feature.kind != "category" or feature.open:
        return bare
    if feature.name not in known:
        raise ImportRefused(
            f"the model takes certain categories of {feature.name!r} only, and a few rows do not show them"
            " all: bring rows with --sample"
        )
    present = tuple(each for each in known[feature.name] if each is not None and each == each)
    return replace(bare, categories=present)
