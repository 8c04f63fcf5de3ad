"""The preprocessing before a pipeline's estimator, without scikit-learn: branches of columns and steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from app.models.engines.preprocessing import (
    curve_steps,
    imputer_steps,
    label_steps,
    matrix_steps,
    number_steps,
    spline_steps,
)
from app.models.engines.preprocessing.neighbour_step import ImputeByNeighbours
from app.models.engines.preprocessing.steady_step import Steady
from app.models.engines.preprocessing.text import Substitute, WordCounts, WordHashes
from app.models.schema.rows import Matrix, Rows, Table


class Step(Protocol):
    """One fitted transformation of a float64 matrix (n, d) or of label columns."""

    op: ClassVar[str]

    def apply(self, columns: Any) -> Any:
        """Return the transformed columns."""

    def reach(self, limit: float) -> float:
        """Largest magnitude of the output and of intermediate results for input of magnitude ``limit``."""


@dataclass(frozen=True)
class Branch:
    """Input columns and their steps; ``labels`` if the columns are not numbers."""

    columns: tuple[int, ...]
    steps: tuple[Step, ...]
    labels: bool

    def apply(self, rows: Rows) -> Any:
        """Float64 (n, width) of this branch."""
        columns: Any = [rows.columns[i] if isinstance(rows, Table) else rows[:, i] for i in self.columns]
        if not self.labels:
            columns = np.column_stack(columns)
        for step in self.steps:
            columns = step.apply(columns)
        return columns


@dataclass(frozen=True)
class Preprocessor:
    """Branches side by side, then steps over their joint output; without branches the input as it is.

    A preprocessor of numbers is a `Step` too.
    """

    op: ClassVar[str] = "preprocessor"
    branches: tuple[Branch, ...] = ()
    steps: tuple[Step, ...] = ()

    def apply(self, rows: Rows) -> Matrix:
        """Transform n rows of raw input to the estimator's input, float64 (n, width)."""
        if self.branches:
            parts = [branch.apply(rows) for branch in self.branches]
            prepared: Matrix = np.hstack(parts) if len(parts) > 1 else parts[0]  # spares a copy of wide rows
        else:
            prepared = np.column_stack(rows.columns) if isinstance(rows, Table) else rows
        for step in self.steps:
            prepared = step.apply(prepared)
        return prepared

    def function(self) -> Callable[[Rows], Matrix]:
        """`apply`, or the only step of a preprocessor of one: without branches all columns are numbers."""
        return self.steps[0].apply if len(self.steps) == 1 and not self.branches else self.apply

    @property
    def creates_nan(self) -> bool:
        """True if a label, missing or not, may become NaN."""
        return any(_creates_nan(step) for step in self._all_steps())

    @property
    def rounds(self) -> bool:
        """True if the last bits of a row's numbers depend on the rows that it comes with."""
        return any(
            step.rounds if isinstance(step, Preprocessor) else isinstance(step, PRODUCTS)
            for step in self._all_steps()
        )

    def _all_steps(self) -> list[Step]:
        return [step for branch in self.branches for step in branch.steps] + list(self.steps)

    def reach(self, limit: float) -> float:
        """Largest magnitude of any intermediate result for rows with numbers of magnitude ``limit``."""
        return _reach(self.steps, max([limit, *(_reach(branch.steps, limit) for branch in self.branches)]))

    def to_dict(self) -> dict[str, Any]:
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

        :raises KeyError: if ``data`` names an unknown step.
        """
        branches = tuple(
            Branch(tuple(b["columns"]), tuple(map(_step_from_dict, b["steps"])), b["labels"])
            for b in data["branches"]
        )
        return cls(branches, tuple(map(_step_from_dict, data["steps"])))


STEPS: dict[str, type[Any]] = {
    step.op: step
    for step in (
        number_steps.CenterScale,
        number_steps.ScaleShift,
        imputer_steps.ImputeNumber,
        number_steps.Select,
        number_steps.Binarize,
        imputer_steps.Missing,
        number_steps.Polynomial,
        curve_steps.Function,
        curve_steps.Power,
        curve_steps.Bins,
        curve_steps.Quantiles,
        spline_steps.Splines,
        matrix_steps.Project,
        matrix_steps.Normalize,
        matrix_steps.KernelMap,
        matrix_steps.RandomWaves,
        imputer_steps.ImputeInTurn,
        ImputeByNeighbours,
        label_steps.ImputeLabel,
        label_steps.OneHot,
        label_steps.Ordinal,
        label_steps.TargetMeans,
        Steady,
        Substitute,
        WordCounts,
        WordHashes,
    )
}


# Steps that multiply matrices, whose last bits depend on their shapes.
PRODUCTS = (
    matrix_steps.Project,
    matrix_steps.KernelMap,
    matrix_steps.RandomWaves,
    imputer_steps.ImputeInTurn,
    ImputeByNeighbours,
)


def _creates_nan(step: Step) -> bool:
    if isinstance(step, Preprocessor):
        return step.creates_nan
    return isinstance(step, label_steps.Ordinal) and None in (step.unknown, step.missing)


def _reach(steps: Sequence[Step], limit: float) -> float:
    """Largest magnitude within the steps; infinite if a number may overflow."""
    largest = limit
    with np.errstate(over="ignore"):
        for step in steps:
            limit = step.reach(limit)
            largest = max(largest, limit)
    return largest


def _step_to_dict(step: Any) -> dict[str, Any]:
    if isinstance(step, Preprocessor):
        return {"op": step.op, **step.to_dict()}
    return {"op": step.op, **asdict(step)}


def _step_from_dict(data: Mapping[str, Any]) -> Any:
    if data["op"] == Preprocessor.op:
        return Preprocessor.from_dict(data)
    arguments = {name: _tuples(value) for name, value in data.items() if name != "op"}
    return STEPS[data["op"]](**arguments)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
