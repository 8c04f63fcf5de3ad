"""Outliers: values far from the training data, flagged, clamped or rejected."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.exceptions import InvalidInput
from app.models.schema.cells import shown
from app.models.schema.rows import Rows, Table
from app.models.schema.signature import InputSignature

MAX_WARNINGS = 100

OutlierPolicy = Literal["off", "flag", "clamp", "reject"]


class OutlierGuard:
    """Compares each value with the training range and spread of its feature.

    A number is an outlier beyond the training minimum or maximum by more than ``tolerance`` training standard
    deviations; a category, if it was not in the training data.
    """

    def __init__(self, signature: InputSignature, *, policy: OutlierPolicy, tolerance: float) -> None:
        self._signature = signature
        self._policy = policy
        self._lower, self._upper = signature.bounds(tolerance)
        self._known = {i: frozenset(f.categories) for i, f in enumerate(signature.features) if f.categories}

    def inspect(self, rows: Rows, *, field: str) -> tuple[Rows, list[dict[str, Any]]]:
        """Return the rows to predict, clamped if that is the policy, and the first `MAX_WARNINGS` warnings.

        :raises InvalidInput: under the policy ``reject``, naming each outlier.
        """
        if self._policy == "off":
            return rows, []
        outside = self._outside(rows)
        if not outside.any():
            return rows, []
        warnings = [self._warning(rows, row, position) for row, position in self._named(outside)]
        if self._policy == "reject":
            raise InvalidInput([{"field": field, **warning} for warning in warnings])
        return (self._clamp(rows) if self._policy == "clamp" else rows), warnings

    def _outside(self, rows: Rows) -> NDArray[np.bool_]:
        """True for each outlier, (n, d)."""
        if not isinstance(rows, Table):
            return np.asarray((rows < self._lower) | (rows > self._upper))
        outside = np.zeros((len(rows), len(rows.columns)), dtype=bool)
        for position, column in enumerate(rows.columns):
            if column.dtype != object:
                outside[:, position] = (column < self._lower[position]) | (column > self._upper[position])
            elif (known := self._known.get(position)) is not None:
                outside[:, position] = [value is not None and value not in known for value in column]
        return outside

    def _named(self, outside: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Row and position of the first outliers, and for a rejection of the first one of every row."""
        found = np.flatnonzero(outside)
        if self._policy == "reject":
            firsts = np.unique(found // outside.shape[1], return_index=True)[1]
            found = found[np.union1d(np.arange(len(found))[:MAX_WARNINGS], firsts)]
        else:
            found = found[:MAX_WARNINGS]
        rows, positions = np.divmod(found, outside.shape[1])
        return list(zip(rows.tolist(), positions.tolist(), strict=True))

    def _warning(self, rows: Rows, row: int, position: int) -> dict[str, Any]:
        column = rows.columns[position] if isinstance(rows, Table) else rows[:, position]
        value, label = column[row], column.dtype == object
        reason = "category never seen in training" if label else self._range(position)
        value = shown(value) if isinstance(value, str) else value if label else value.item()
        name = self._signature.names[position]
        return {"row": row, "position": position, "name": name, "value": value, "reason": reason}

    def _range(self, position: int) -> str:
        statistics = self._signature.features[position].statistics
        return f"far outside the training range {statistics['min']:g} to {statistics['max']:g}"

    def _clamp(self, rows: Rows) -> Rows:
        if not isinstance(rows, Table):
            return np.clip(rows, self._lower, self._upper)
        columns = tuple(
            column if column.dtype == object else np.clip(column, lower, upper)
            for column, lower, upper in zip(rows.columns, self._lower, self._upper, strict=True)
        )
        return Table(rows.names, columns)
