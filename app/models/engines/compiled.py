"""A compiled engine: a preprocessor of plain numbers, then a compiled estimator. Needs no scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines.kernel import Kernel, KernelSpec
from app.models.engines.output import EngineOutput, FiniteOutput
from app.models.engines.partial import finite_rows
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.schema.rows import Matrix, Rows, columns_of, places, take

# Rows prepared at once, which bounds the memory of wide rows such as texts.
MAX_ROWS = 1_000

NOTHING = EngineOutput(np.empty(0), None)


class CompiledEngine:
    """Predicts the rows that its certificate covers, and leaves the others open for the original.

    :param spec: how to read the kernel, if not as it says itself.
    """

    most_rows = MAX_ROWS

    def __init__(self, preprocessor: Preprocessor, kernel: Kernel, spec: KernelSpec | None = None) -> None:
        self.name = kernel.name
        self._prepare = preprocessor.function()
        self._creates_nan = preprocessor.creates_nan
        self._run = kernel.run
        self._spec = spec or kernel.spec
        self._limit = np.array(self._spec.limit)

    @property
    def whole(self) -> bool:
        """True if the kernel takes rows unprepared."""
        return self._spec.whole

    def prepare(self, rows: Rows) -> Matrix:
        """Rows as the compiled estimator takes them, float64 (n, columns).

        :raises NotCovered: for a row that only the original may answer.
        """
        return self._prepare(rows)

    def attempt(self, rows: Rows) -> tuple[EngineOutput, list[int] | None]:
        """Predict rows that fit the model's input signature.

        :returns: the output, and the positions of open rows, whose output is meaningless, or None. The output
            may be empty if all rows are open.
        """
        if len(rows) > self.most_rows:
            return self.attempt_many(rows)
        has_nan = False
        if not self._in_range(rows):
            beyond, has_nan = self._out_of_range(rows)
            if beyond:
                return self._without(rows, beyond)
        try:
            return self._answered(rows, has_nan=has_nan)
        except NotCovered as found:  # by a step, or by one of a member
            if found.rows:
                return self._without(rows, found.rows)
            return (NOTHING, [0]) if len(rows) == 1 else self._in_parts(rows, 1)

    def attempt_many(self, rows: Rows) -> tuple[EngineOutput, list[int] | None]:
        """Predict more rows than `most_rows`, in parts."""
        return self._in_parts(rows, MAX_ROWS)

    def _answered(self, rows: Rows, *, has_nan: bool) -> tuple[EngineOutput, list[int] | None]:
        """:raises NotCovered: for a row that only the original may answer."""
        prepared = self._prepare(rows)
        if not self._spec.nan and (self._creates_nan or has_nan):
            holes = np.flatnonzero(np.isnan(prepared).any(axis=1)).tolist()
            if holes:
                return self._without(rows, holes)
        if self._spec.rounded:
            prepared = prepared.astype(np.float32)
        return output_of(self._run(np.ascontiguousarray(prepared, dtype=self._spec.dtype)), self._spec)

    def _in_range(self, rows: Rows) -> bool:
        """True if every number is within its limit, and none is missing."""
        if isinstance(rows, np.ndarray):
            return bool((np.abs(rows) <= self._limit).all())
        return all((np.abs(column) <= limit).all() for column, limit in self._numbers(rows))

    def _out_of_range(self, rows: Rows) -> tuple[list[int], bool]:
        """The rows with a number beyond its limit, and whether any number is missing."""
        beyond, has_nan = np.zeros(len(rows), dtype=bool), False
        for column, limit in self._numbers(rows):
            beyond |= np.abs(column) > limit
            has_nan = has_nan or bool(np.isnan(column).any())
        return np.flatnonzero(beyond).tolist(), has_nan

    def _numbers(self, rows: Rows) -> list[tuple[Matrix, float]]:
        """The columns of numbers, each with its limit."""
        columns = columns_of(rows)
        limits = np.broadcast_to(self._limit, len(columns)).tolist()
        return [
            (column, limit) for column, limit in zip(columns, limits, strict=True) if column.dtype != object
        ]

    def _without(self, rows: Rows, left: list[int]) -> tuple[EngineOutput, list[int] | None]:
        others = sorted(set(range(len(rows))) - set(left))
        if not others:
            return NOTHING, left
        output, open_rows = self.attempt(take(rows, others))
        if len(output.values) == 0:
            return NOTHING, list(range(len(rows)))
        return spread(output, others, len(rows)), sorted([*left, *(others[row] for row in open_rows or ())])

    def _in_parts(self, rows: Rows, size: int) -> tuple[EngineOutput, list[int] | None]:
        total, left = NOTHING, []
        for start in range(0, len(rows), size):
            positions = range(len(rows))[start : start + size]
            output, open_rows = self.attempt(take(rows, positions))
            left += [positions[row] for row in open_rows or ()]
            if len(output.values):
                total = spread(output, positions, len(rows), into=total)
        return total, left or None


def spread(
    output: EngineOutput, positions: Sequence[int], n_rows: int, into: EngineOutput = NOTHING
) -> EngineOutput:
    """The output at its positions among ``n_rows`` rows; the others have zeros, or the rows of ``into``."""
    values, probabilities = output
    if not len(into.values):
        into = EngineOutput(
            np.zeros((n_rows, *values.shape[1:]), values.dtype),
            None if probabilities is None else np.zeros((n_rows, probabilities.shape[1])),
        )
    at = places(positions)
    into.values[at] = values
    if into.probabilities is not None:
        into.probabilities[at] = probabilities
    return into


def output_of(raw: NDArray[Any], spec: KernelSpec) -> tuple[EngineOutput, list[int] | None]:
    """Read a kernel's raw output: the output, finite but for open rows, and their positions or None."""
    if spec.reading == "values":
        values = raw.astype(np.float64)
        output = FiniteOutput(values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values, None)
        return output, _positions(np.logical_not(finite_rows(output)))
    if spec.reading in ("scores", "scored"):
        found = scores = raw.reshape(len(raw), -1).astype(np.float64)
        if scores.shape[1] == 1:
            scores = np.column_stack((-scores / 2, scores / 2))  # as far apart as the score is from zero
        codes, open_rows = largest(scores, spec.tie)
        return FiniteOutput(codes, found if spec.reading == "scored" else None), open_rows
    if spec.reading == "labelled":
        n = spec.targets
        codes = raw[:, :n]
        if spec.tie is None:
            codes = np.where(codes < 0, -1 - codes, codes)
        decided = np.isfinite(raw).all(axis=1) & (codes >= 0).all(axis=1)
        codes = np.where(decided[:, None], codes, 0).astype(np.intp)
        beside = raw[:, n:] if raw.shape[1] > n else None
        return FiniteOutput(codes if n > 1 else codes[:, 0], beside), _positions(~decided)
    probabilities = raw.astype(np.float64)
    if spec.reading == "positive_probability":
        positive = probabilities.ravel()
        probabilities = np.column_stack((1.0 - positive, positive))
    codes, open_rows = largest(probabilities, spec.tie)
    return FiniteOutput(codes, probabilities), open_rows


def largest(numbers: Matrix, tie: float | None) -> tuple[NDArray[np.intp], list[int] | None]:
    """Position of each row's largest number, and the rows with a second one within ``tie`` of it."""
    if len(numbers) == 1:  # lists are faster than arrays
        code = _largest_of(numbers[0].tolist(), tie)
        return np.array([code or 0]), None if code is not None else [0]
    codes = numbers.argmax(axis=1)
    columns = np.ascontiguousarray(numbers.T)  # a few classes of many rows: NumPy reduces long lines
    best = columns.max(axis=0)
    decided = np.isfinite(columns).all(axis=0)
    if tie is not None:
        near = best - tie * np.maximum(1.0, np.abs(best))
        decided &= (columns >= near).sum(axis=0) == 1
    return codes, _positions(np.logical_not(decided))


def _largest_of(row: list[float], tie: float | None) -> int | None:
    best = max(row)
    if not -np.inf < sum(row) < np.inf:
        return None
    if tie is not None:
        near = best - tie * max(1.0, abs(best))
        if sum([number >= near for number in row]) > 1:
            return None
    return row.index(best)


def _positions(mask: NDArray[Any]) -> list[int] | None:
    return np.flatnonzero(mask).tolist() if mask.any() else None
