"""The file ``MLmodel`` of a model in MLflow's format: its files, its signature and where it comes from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from app.models.compilation.compilers import one_line
from app.models.untrusted import ImportRefused

MLMODEL = "MLmodel"
# Bytes; a signature of 10,000 columns takes 0.6 MB.
MAX_MLMODEL = 1024**2
# By flavour, the key of the model's file; the first one that a model has is read.
FILE_KEYS = {"sklearn": "pickled_model", "xgboost": "data", "lightgbm": "data", "catboost": "data"}
ABOUT = ("model_id", "model_uuid", "run_id", "mlflow_version", "utc_time_created")
LONGEST = 200  # characters of a text that goes into the metadata


class Example(NamedTuple):
    """The input example: the path of its file within the model, and its type, as MLflow calls it."""

    path: str
    type: str


@dataclass(frozen=True)
class MLmodel:
    """What ``MLmodel`` says.

    ``model``: path of the model's file within the folder. ``columns``: MLflow's type of each named column of
    the signature. ``dtype``: of the signature's only tensor. ``about``: flavour, ids and times.
    """

    model: str
    example: Example | None
    columns: Mapping[str, str]
    dtype: str | None
    about: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "MLmodel":
        """Read the file; no part of it can run code.

        :raises ImportRefused: if it is no MLmodel, or its model has no flavour that can be imported.
        """
        try:
            # All scalars are texts: 1.10 stays a version, and merge keys (<<), which can grow exponentially,
            # are not expanded.
            document = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
            return cls._of(document)
        except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ImportRefused(f"{MLMODEL} cannot be read: {one_line(error)}") from None

    @classmethod
    def _of(cls, document: Any) -> "MLmodel":
        flavors = document["flavors"] if isinstance(document, dict) and "flavors" in document else {}
        flavor = next((name for name in FILE_KEYS if name in flavors), None)
        if flavor is None:
            wanted, found = ", ".join(FILE_KEYS), _short(", ".join(map(str, flavors)) or "none")
            raise ImportRefused(f"{MLMODEL} has no flavour that can be imported ({wanted}), but: {found}")
        model = _text(flavors[flavor].get(FILE_KEYS[flavor]))
        if model is None:
            raise ImportRefused(f"{MLMODEL} names no file of its flavour {flavor}: {FILE_KEYS[flavor]}")
        inputs = _inputs(_text((_mapping(document.get("signature"))).get("inputs")))
        example = _mapping(document.get("saved_input_example_info"))
        about = {name: _short(value) for name in ABOUT if (value := _text(document.get(name)))}
        return cls(
            model=model,
            example=Example(example["artifact_path"], str(example.get("type"))) if example else None,
            columns={spec["name"]: str(spec["type"]) for spec in inputs if isinstance(spec.get("name"), str)},
            dtype=inputs[0]["tensor-spec"]["dtype"] if _is_tensor(inputs) else None,
            about={"flavor": flavor} | about,
        )


def _inputs(text: str | None) -> list[dict[str, Any]]:
    """The columns of the signature, or its tensors."""
    return [_mapping(spec) for spec in json.loads(text)] if text else []


def _is_tensor(inputs: list[dict[str, Any]]) -> bool:
    return len(inputs) == 1 and "tensor-spec" in inputs[0] and "name" not in inputs[0]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """A scalar that is not null."""
    return value if isinstance(value, str) and value not in ("", "null", "~") else None


def _short(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:LONGEST]
