"""Outliers: values far from the training data, flagged, clamped or rejected."""

from typing import Any, Literal

import numpy as np

from app.exceptions import InvalidInput
from app.models.schema.cells import shown
from app.models.schema.rows import Matrix, Rows, Table
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
        if isinstance(rows, Table):
            warnings = self._table_warnings(rows)
        elif ((rows < self._lower) | (rows > self._upper)).any():
            warnings = self._number_warnings(rows, range(rows.shape[1]))
        else:
            return rows, []
        if warnings and self._policy == "reject":
            raise InvalidInput([{"field": field, **warning} for warning in warnings])
        return (self._clamp(rows) if self._policy == "clamp" and warnings else rows), warnings

    def _table_warnings(self, table: Table) -> list[dict[str, Any]]:
        warnings: list[dict[str, Any]] = []
        for position, column in enumerate(table.columns):
            if column.dtype != object:
                warnings += self._number_warnings(column[:, None], (position,))
            elif position in self._known:
                known = self._known[position]
                warnings += [
                    self._warning(row, position, value, "category never seen in training")
                    for row, value in enumerate(column)
                    if value is not None and value not in known
                ][:MAX_WARNINGS]
        return sorted(warnings, key=lambda warning: (warning["row"], warning["position"]))[:MAX_WARNINGS]

    def _number_warnings(self, matrix: Matrix, positions: range | tuple[int]) -> list[dict[str, Any]]:
        columns = list(positions)
        outside = (matrix < self._lower[columns]) | (matrix > self._upper[columns])
        return [
            self._warning(row, columns[column], matrix[row, column].item(), self._range(columns[column]))
            for row, column in np.argwhere(outside)[:MAX_WARNINGS].tolist()
        ]

    def _warning(self, row: int, position: int, value: Any, reason: str) -> dict[str, Any]:
        name = self._signature.names[position]
        value = shown(value) if isinstance(value, str) else value
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
