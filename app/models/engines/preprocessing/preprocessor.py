"""What stands before a pipeline's estimator, without scikit-learn: branches of columns, and their steps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing.steps import (
    CenterScale,
    ImputeLabel,
    ImputeNumber,
    OneHot,
    Ordinal,
    Polynomial,
    ScaleShift,
    Select,
    Step,
)
from app.models.engines.preprocessing.text import Substitute, WordCounts
from app.models.schema.rows import Matrix, Rows, Table


@dataclass(frozen=True)
class Branch:
    """Some input columns and the steps they go through; ``labels`` if they are not numbers."""

    columns: tuple[int, ...]
    steps: tuple[Step, ...]
    labels: bool

    def apply(self, rows: Rows) -> Any:
        """Float64 (n, width) of this branch."""
        columns: Any = [_column(rows, position) for position in self.columns]
        if not self.labels:
            columns = np.column_stack(columns)
        for step in self.steps:
            columns = step.apply(columns)
        return columns


@dataclass(frozen=True)
class Preprocessor:
    """Branches side by side, then steps over all of their output; no branches: the input as it is."""

    branches: tuple[Branch, ...] = ()
    steps: tuple[Step, ...] = ()

    def apply(self, rows: Rows) -> Matrix:
        """Transform n rows of raw input to what the estimator takes, float64 (n, width)."""
        data: Any = rows
        if self.branches:
            parts = [branch.apply(rows) for branch in self.branches]
            data = np.hstack(parts) if len(parts) > 1 else parts[0]  # which spares a copy of wide rows
        elif isinstance(rows, Table):
            data = np.column_stack(rows.columns)
        for step in self.steps:
            data = step.apply(data)
        prepared: Matrix = data
        return prepared

    @property
    def creates_nan(self) -> bool:
        """True if a label, missing or not, may become NaN."""
        steps = [step for branch in self.branches for step in branch.steps] + list(self.steps)
        return any(isinstance(step, Ordinal) and None in (step.unknown, step.missing) for step in steps)

    def reach(self, limit: float) -> float:
        """The largest magnitude of any number on the way, of rows with numbers of magnitude ``limit``."""
        reached = [limit]
        for branch in self.branches:
            reached.append(_reach(branch.steps, limit))
        return _reach(self.steps, max(reached))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "branches": [
                {"columns": b.columns, "labels": b.labels, "steps": [_step_to_dict(s) for s in b.steps]}
                for b in self.branches
            ],
            "steps": [_step_to_dict(step) for step in self.steps],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Preprocessor":
        """Inverse of `to_dict`.

        :raises KeyError: if it names a step that does not exist.
        """
        branches = tuple(
            Branch(tuple(b["columns"]), tuple(map(_step_from_dict, b["steps"])), b["labels"])
            for b in data["branches"]
        )
        return cls(branches, tuple(map(_step_from_dict, data["steps"])))


STEPS: dict[str, type[Any]] = {
    step.op: step
    for step in (
        CenterScale,
        ScaleShift,
        ImputeNumber,
        ImputeLabel,
        OneHot,
        Ordinal,
        Polynomial,
        Select,
        Substitute,
        WordCounts,
    )
}


def _reach(steps: Sequence[Step], limit: float) -> float:
    """The largest magnitude on the way through the steps; infinite if a number may overflow."""
    largest = limit
    with np.errstate(over="ignore"):
        for step in steps:
            limit = step.reach(limit)
            largest = max(largest, limit)
    return largest


def _column(rows: Rows, position: int) -> NDArray[Any]:
    return rows.columns[position] if isinstance(rows, Table) else rows[:, position]


def _step_to_dict(step: Any) -> dict[str, Any]:
    return {"op": step.op, **asdict(step)}


def _step_from_dict(data: Mapping[str, Any]) -> Any:
    arguments = {name: _tuples(value) for name, value in data.items() if name != "op"}
    return STEPS[data["op"]](**arguments)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
