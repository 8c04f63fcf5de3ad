"""Rows against a model's signature, with an error for each value that does not fit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exceptions import MAX_ERRORS, InvalidInput
from app.models.schema.cells import Categories, describe, number, shown, suggestion
from app.models.schema.column_arrays import Coded, Column, Columns, cell_of, labels, numbers
from app.models.schema.dates import date_cell
from app.models.schema.rows import Matrix, Rows, Table
from app.models.schema.signature import Feature, InputSignature

MOST_SUGGESTIONS = 3


class RowValidator:
    """Collects the errors of one call: `MAX_ERRORS`, and of every other row with a fault the first one."""

    def __init__(self, signature: InputSignature, field: str) -> None:
        self.signature = signature
        self.field = field
        self.errors: list[dict[str, Any]] = []
        self.faulty: set[int] = set()
        self.suggestions = MOST_SUGGESTIONS

    def validate_rows(self, rows: Matrix | Sequence[Sequence[Any] | Mapping[str, Any]]) -> Rows:
        if isinstance(rows, np.ndarray):
            rows = rows.tolist()
        cells = {index: row for index, raw in enumerate(rows) if (row := self._cells(index, raw)) is not None}
        columns: Iterable[tuple[Any, ...]] = zip(*cells.values(), strict=True)
        arrays = tuple(
            self._column(position, feature, dict(zip(cells, column, strict=True)))
            for position, (feature, column) in enumerate(zip(self.signature.features, columns, strict=False))
        )
        return self._joined(arrays)

    def validate_columns(self, columns: Columns) -> Rows:
        ordered = self._in_training_order(columns)
        checks = zip(self.signature.features, ordered, strict=True)
        return self._joined(
            tuple(self._checked(i, feature, each) for i, (feature, each) in enumerate(checks))
        )

    def _joined(self, arrays: tuple[NDArray[Any], ...]) -> Rows:
        if self.errors:
            raise InvalidInput(sorted(self.errors, key=lambda e: (e["row"], e.get("position", -1))))
        if self.signature.numeric:
            return precise(np.ascontiguousarray(np.column_stack(arrays)), self.signature)
        return Table(self.signature.names, arrays)

    def _in_training_order(self, found: Columns) -> Sequence[Column]:
        names = self.signature.names
        if found.names is None:
            if len(found.columns) != len(names):
                reason = f"has {len(found.columns)} columns, the model expects {len(names)}"
                raise InvalidInput([{"field": self.field, "reason": reason}])
            return found.columns
        by_name = dict(zip(found.names, found.columns, strict=True))
        errors: list[dict[str, Any]] = [
            {"name": shown(name), "reason": f"unknown feature{self._name_suggestion(name, by_name)}"}
            for name in by_name
            if name not in self.signature.positions
        ]
        errors += [
            {"position": i, "name": name, "reason": "feature is missing"}
            for i, name in enumerate(names)
            if name not in by_name
        ]
        if len(by_name) < len(found.names):
            errors += [{"reason": "holds two columns of one name"}]
        if errors:
            raise InvalidInput([{"field": self.field, **each} for each in errors])
        return [by_name[name] for name in names]

    def _checked(self, position: int, feature: Feature, column: Column) -> NDArray[Any]:
        """One column in the model's form; cells that no array judges go the way of cells in JSON."""
        find = self._finder(feature)
        if isinstance(column, Coded) or not feature.numeric:
            cells, reasons = labels(column, find)
            for row, reason in reasons.items():
                if not self._is_known(row):
                    self._add(row, position, feature.name, reason)
            return feature.rounded(cells.astype(np.float64)) if feature.numeric else cells
        values, open_rows = numbers(column, feature)
        for row in open_rows.tolist():
            if not self._is_known(row):
                values[row], why = find(cell_of(column, row))
                if why:
                    self._add(row, position, feature.name, why)
        return feature.rounded(values)

    def _cells(self, index: int, row: Any) -> Sequence[Any] | None:
        """One row's values in training order; None if the columns are wrong."""
        names, room = self.signature.names, max(1, MAX_ERRORS - len(self.errors))
        if isinstance(row, Mapping):
            unknown = list(islice((name for name in row if name not in self.signature.positions), room))
            missing = list(islice((name for name in names if name not in row), room - len(unknown)))
            if not unknown and not missing:
                return [row[name] for name in names]
            for name in unknown:
                self._add(index, None, shown(name), f"unknown feature{self._name_suggestion(name, row)}")
            for name in missing:
                self._add(index, self.signature.positions[name], name, "feature is missing")
        elif not isinstance(row, Sequence) or isinstance(row, str):
            self._add(index, None, None, f"must be a list or an object, not {describe(row)}")
        elif len(row) != len(names):
            self._add(index, None, None, f"has {len(row)} values, the model expects {len(names)}")
        else:
            return row
        return None

    def _name_suggestion(self, name: str, row: Mapping[str, Any]) -> str:
        if not self.suggestions:
            return ""
        names = self.signature.names
        return self._suggestion(name, [known for known in names if known not in row] or names)

    def _suggestion(self, word: str, known: Sequence[str]) -> str:
        """A suggestion for the first few words only, because each is compared with many."""
        if not self.suggestions:
            return ""
        self.suggestions -= 1
        return suggestion(word, known)

    def _column(self, position: int, feature: Feature, values: Mapping[int, Any]) -> NDArray[Any]:
        """One column of the rows whose columns are right, by their positions in the request."""
        find = self._finder(feature)
        cells: list[Any] = []
        for index, value in values.items():
            if self._is_known(index):
                continue
            cell, reason = find(value)
            if reason:
                self._add(index, position, feature.name, reason)
            cells.append(cell)
        if self.errors:
            return np.empty(len(values))
        if feature.numeric:
            return feature.rounded(np.array(cells, dtype=np.float64))
        return np.array(cells, dtype=object)

    def _finder(self, feature: Feature) -> Callable[[Any], tuple[Any, str | None]]:
        """From a value to that in the column's form, or the reason against it."""
        if feature.numeric:
            return partial(number, feature=feature)
        if feature.kind == "date":
            return partial(date_cell, feature=feature)
        return Categories(feature, self._suggestion).find

    def _add(self, row: int, position: int | None, name: str | None, reason: str) -> None:
        where = {"field": self.field, "row": row, "position": position, "name": name}
        self.errors.append({**{k: v for k, v in where.items() if v is not None}, "reason": reason})
        self.faulty.add(row)

    def _is_known(self, row: int) -> bool:
        """True if there is nothing more to say about a row."""
        return row in self.faulty and len(self.errors) >= MAX_ERRORS


def precise(rows: Matrix, signature: InputSignature) -> Matrix:
    """The numbers rounded to the precision of the model's columns."""
    if signature.plain or not any(feature.precision for feature in signature.features):
        return rows
    columns = zip(signature.features, rows.T, strict=True)
    return np.column_stack([feature.rounded(column) for feature, column in columns])
