"""What a caller may know about a model's input and output, read off the fitted model.

It is kept as plain JSON in a version's metadata, so that serving needs no estimator to know it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from app.models.schema.rows import Matrix

Kind = Literal["number", "boolean", "category", "text"]
Layout = Literal["array", "frame", "texts", "series"]
Task = Literal["classification", "regression", "outlier_detection", "clustering"]
Label = str | int | float | bool

NUMBER_BYTES = 32
TEXT_BYTES = 16 * 1024
NUMERIC_KINDS = frozenset(("number", "boolean"))


@dataclass(frozen=True)
class Feature:
    """One input column.

    ``nullable``: a missing value (null) is something the model was fitted to handle.
    ``categories``: those seen in training. ``open``: others are tolerated.
    ``statistics``: of the training data; for numbers min, max, mean, std and quantiles.
    ``dtype``: of the sample's column, in which the model gets it again; None: float64, or object.
    ``whole``: the model tells 1 and 1.0 apart, so that only whole numbers fit.
    ``none``: the model was fitted with None for missing values, not NaN.
    ``ordered``: the categories of a ``category`` dtype have an order.
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
        """True if its values reach the engines as float64."""
        return self.kind in NUMERIC_KINDS

    @property
    def value_bytes(self) -> int:
        """Bytes that a value may take as JSON."""
        if self.kind == "text" or (self.open and self.kind == "category"):
            return TEXT_BYTES
        return max([NUMBER_BYTES, *(_escaped(str(category)) for category in self.categories)])

    @property
    def precision(self) -> str | None:
        """The NumPy dtype whose precision the model's numbers have, where that is less than float64's."""
        return self.dtype.lower() if self.dtype in {"float16", "float32", "Float32"} else None

    def rounded(self, column: Matrix) -> Matrix:
        """Numbers as precise as the model's own column holds them, float64."""
        if self.precision is None:
            return column
        with np.errstate(over="ignore"):
            return column.astype(self.precision).astype(np.float64)


def _escaped(text: str) -> int:
    """Bytes of a string in JSON at most, where each character is written as an escape."""
    return 2 + 3 * len(text.encode("utf-16-le", "surrogatepass"))


@dataclass(frozen=True)
class InputSignature:
    """The columns in training order, and the form in which the estimator takes them.

    ``labels``: the sample's own column names where they are not strings, such as 0, 1, 2.
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
        """True if the model takes texts, not rows of columns: a list or array, or a series of pandas."""
        return self.layout in {"texts", "series"}

    @cached_property
    def numeric(self) -> bool:
        """True if rows are float64 matrices, False if they are `Table`s."""
        return not self.one_dimensional and all(feature.numeric for feature in self.features)

    @cached_property
    def plain(self) -> bool:
        """True if every finite number fits every column as it is."""
        return self.numeric and not any(f.whole or f.precision or f.kind == "boolean" for f in self.features)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes that a row may take as JSON, generously: by name, with spaces, its texts long ones."""
        return 2 * sum(_escaped(f.name) + f.value_bytes + 4 for f in self.features)

    def bounds(self, tolerance: float) -> tuple[Matrix, Matrix]:
        """Lowest and highest value per column that does not count as an outlier, shape (d,).

        The training range, widened by ``tolerance`` training standard deviations at either end;
        infinite for columns that are not numbers or have no statistics.
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
        """The same columns, for when the rows they were probed with are no training data."""
        return replace(self, features=tuple(replace(f, statistics={}) for f in self.features))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "InputSignature":
        """Inverse of `to_dict`."""
        features = tuple(
            Feature(**{**feature, "categories": tuple(feature["categories"])}) for feature in data["features"]
        )
        labels = data.get("labels")
        return cls(features, data["layout"], None if labels is None else tuple(labels))


@dataclass(frozen=True)
class OutputSignature:
    """What a prediction is: a label out of ``classes``, or a number.

    ``center`` and ``spread``: mean and standard deviation of the predicted numbers over the sample, per
    target column; differences are judged against them.
    """

    task: Task
    classes: tuple[Label, ...] = ()
    probabilities: bool = False
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @property
    def whole(self) -> bool:
        """True if predictions are whole numbers, as those of clusterers."""
        return self.task == "clustering" and not self.classes

    @cached_property
    def probability_keys(self) -> tuple[str, ...]:
        """The key of each class in an answer: string labels as they are, others as ``class_<label>``."""
        return tuple(label if isinstance(label, str) else f"class_{label}" for label in self.classes)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OutputSignature":
        """Inverse of `to_dict`."""
        lists = {key: tuple(data.get(key, ())) for key in ("classes", "center", "spread")}
        return cls(data["task"], probabilities=data["probabilities"], **lists)
