"""What a caller may know about a model's input and output, read off the fitted model.

It is kept as plain JSON in a version's metadata, so that serving needs no estimator to know it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from app.models.rows import Matrix

Kind = Literal["number", "category", "text"]
Layout = Literal["array", "frame", "texts"]
Task = Literal["classification", "regression", "outlier_detection"]
Label = str | int | float | bool


@dataclass(frozen=True)
class Feature:
    """One input column.

    ``nullable``: a missing value (null) is something the model was fitted to handle.
    ``categories``: those seen in training. ``open``: others are tolerated.
    ``statistics``: of the training data; for numbers min, max, mean, std and quantiles.
    """

    name: str
    kind: Kind
    nullable: bool = False
    categories: tuple[Label, ...] = ()
    open: bool = True
    statistics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InputSignature:
    """The columns in training order, and the form in which the estimator takes them."""

    features: tuple[Feature, ...]
    layout: Layout

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
        return cls(features, data["layout"])


@dataclass(frozen=True)
class OutputSignature:
    """What a prediction is: a label out of ``classes``, or a number."""

    task: Task
    classes: tuple[Label, ...] = ()
    probabilities: bool = False

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
        return cls(data["task"], tuple(data["classes"]), data["probabilities"])
