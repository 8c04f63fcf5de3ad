"""The signature of a model: its input and output, as plain JSON in a version's metadata.

Serving reads the signature and needs no estimator for it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from app.models.schema.rows import Matrix

Kind = Literal["number", "boolean", "category", "text", "date"]
Layout = Literal["array", "frame", "texts", "series"]
Task = Literal["classification", "regression", "outlier_detection", "clustering", "transformation"]
Label = str | int | float | bool

NUMBER_BYTES = 32
DATE_BYTES = 64
TEXT_BYTES = 16 * 1024


@dataclass(frozen=True)
class Feature:
    """One input column.

    ``nullable``: the model handles a missing value (null). ``categories``: in the training data. ``open``:
    others are tolerated. ``statistics``: of the training data; for numbers min, max, mean, std and quantiles.
    ``dtype``: of the sample's column, restored for the model; None for float64 or object. ``whole``: the
    model distinguishes 1 and 1.0, and takes only whole numbers. ``none``: missing values were None in
    training, not NaN. ``ordered``: the categories of a ``category`` dtype have an order.
    """

    name: str
    kind: Kind
    nullable: bool = False
    categories: tuple[Label, ...] = ()
    open: bool = True
    statistics: Mapping[str, Any] = field(default_factory=dict)
    dtype: str | None = None
    whole: bool = False
    none: bool = False
    ordered: bool = False

    @property
    def numeric(self) -> bool:
        """True if engines get the values as float64."""
        return self.kind in {"number", "boolean"}

    @property
    def value_bytes(self) -> int:
        """Maximum bytes of a value as JSON."""
        if self.kind == "text" or (self.open and self.kind == "category"):
            return TEXT_BYTES
        if self.kind == "date":
            return DATE_BYTES
        return max([NUMBER_BYTES, *(_escaped(str(category)) for category in self.categories)])

    @property
    def precision(self) -> str | None:
        """The NumPy dtype of the column's precision, if lower than float64's."""
        return self.dtype.lower() if self.dtype in {"float16", "float32", "Float32"} else None

    def rounded(self, column: Matrix) -> Matrix:
        """The numbers rounded to the column's precision, float64."""
        if self.precision is None:
            return column
        with np.errstate(over="ignore"):
            return column.astype(self.precision).astype(np.float64)


def _escaped(text: str) -> int:
    """Maximum bytes of a string as JSON, with every character escaped."""
    return 2 + 3 * len(text.encode("utf-16-le", "surrogatepass"))


@dataclass(frozen=True)
class InputSignature:
    """The columns in training order, and the form of the estimator's input.

    ``labels``: the sample's own column names if they are integers, such as 0, 1, 2.
    """

    features: tuple[Feature, ...]
    layout: Layout
    labels: tuple[int, ...] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in training order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Column name to position."""
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def nullable(self) -> bool:
        """True if any column may be missing."""
        return any(feature.nullable for feature in self.features)

    @property
    def one_dimensional(self) -> bool:
        """True if the model takes one-dimensional texts: a list, an array or a pandas series."""
        return self.layout in {"texts", "series"}

    @cached_property
    def numeric(self) -> bool:
        """True if rows are float64 matrices, False if they are `Table`s."""
        return not self.one_dimensional and all(feature.numeric for feature in self.features)

    @cached_property
    def plain(self) -> bool:
        """True if every column takes any finite number unchanged."""
        return self.numeric and not any(f.whole or f.precision or f.kind == "boolean" for f in self.features)

    @cached_property
    def row_bytes(self) -> int:
        """Generous maximum bytes of a row as JSON: by name, with spaces and long texts."""
        return 2 * sum(_escaped(f.name) + f.value_bytes + 4 for f in self.features)

    def bounds(self, tolerance: float) -> tuple[Matrix, Matrix]:
        """Lowest and highest value per column that is no outlier, shape (d,).

        The training range, widened by ``tolerance`` training standard deviations at either end; infinite for
        columns without numbers or statistics.
        """
        lower = np.full(len(self.features), -np.inf)
        upper = np.full(len(self.features), np.inf)
        for position, feature in enumerate(self.features):
            if feature.kind == "number" and feature.statistics.get("min") is not None:
                margin = tolerance * feature.statistics["std"]
                lower[position] = feature.statistics["min"] - margin
                upper[position] = feature.statistics["max"] + margin
        return lower, upper

    def without_statistics(self) -> "InputSignature":
        """The same columns, for a model that was probed with random rows."""
        return replace(self, features=tuple(replace(f, statistics={}) for f in self.features))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "InputSignature":
        features = tuple(
            Feature(**{**feature, "categories": tuple(feature["categories"])}) for feature in data["features"]
        )
        labels = data.get("labels")
        return cls(features, data["layout"], None if labels is None else tuple(labels))


@dataclass(frozen=True)
class OutputSignature:
    """The form of a prediction: a label out of ``classes``, one of each of ``targets``, or numbers.

    ``targets``: the classes of each target of a model that predicts several labels a row, whose
    ``probabilities`` stand side by side. ``center`` and ``spread``: mean and standard deviation of the
    predicted numbers over the sample, per target column; the scale of differences. ``scored``: an outlier
    detector gives a score, whose center and spread these are.
    """

    task: Task
    classes: tuple[Label, ...] = ()
    probabilities: bool = False
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    targets: tuple[tuple[Label, ...], ...] = ()
    scored: bool = False

    @property
    def labelled(self) -> bool:
        """True if predictions are labels or whole numbers, which are equal or not."""
        return bool(self.classes or self.targets) or self.whole

    @property
    def whole(self) -> bool:
        """True if predictions are whole numbers, such as a clusterer's."""
        return self.task == "clustering" and not self.classes

    @cached_property
    def probability_keys(self) -> tuple[str, ...]:
        """The key of each class in a response: string labels unchanged, others as ``class_<label>``."""
        return _keys(self.classes)

    @cached_property
    def target_keys(self) -> tuple[tuple[str, ...], ...]:
        """The keys of each target's classes."""
        return tuple(map(_keys, self.targets))

    def decoded(self, values: list[Any]) -> list[Any]:
        """The labels of each row's codes, or the numbers as they are.

        :param values: of an engine's output, as a list.
        """
        if self.classes:
            return [self.classes[code] for code in values]
        if self.targets:
            return [
                [labels[code] for labels, code in zip(self.targets, codes, strict=True)] for codes in values
            ]
        return values

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OutputSignature":
        lists = {key: tuple(data.get(key, ())) for key in ("classes", "center", "spread")}
        targets = tuple(tuple(labels) for labels in data.get("targets", ()))
        scored = data.get("scored", False)
        return cls(data["task"], probabilities=data["probabilities"], targets=targets, scored=scored, **lists)


def _keys(labels: tuple[Label, ...]) -> tuple[str, ...]:
    return tuple(label if isinstance(label, str) else f"class_{label}" for label in labels)
