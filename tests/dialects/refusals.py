"""What no model takes, and what must be said of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.dialects.contracts import Contract
from tests.dialects.rows import Rows

MOST_ROWS, MOST_BYTES = 50, 200_000
SETTINGS = {
    "MAX_ROWS": MOST_ROWS,
    "MAX_BATCH_SIZE": MOST_ROWS,
    "MAX_CONTENT_LENGTH": MOST_BYTES,
    "AIP_PREDICT_ROUTE": "/predict",
    "OUTLIER_POLICY": "off",
    "LOG_LEVEL": "CRITICAL",
}


@dataclass(frozen=True)
class Faulty:
    """Rows with a fault, and where an error must say that it is: ``row`` and ``column`` as far as there are
    such, ``word`` another one."""

    rows: Rows
    row: int | None = None
    column: int | None = None
    word: str = ""

    def unsaid(self, text: str) -> list[str]:
        """What an error does not say of the place."""
        named = [] if self.column is None else [re.escape(self.rows.names[self.column])]
        places = [rf"(\b{'|'.join([*named, rf'(column|position) {self.column}'])}\b)"] if named else []
        places += [] if self.row is None else [rf"\brow {self.row}\b"]
        return [place for place in [*places, re.escape(self.word)] if not re.search(place, text)]


# From rows and the position of one among them to those with a fault there; None if the call has no such.
Spoil = Callable[[Contract, Rows, int], Faulty | None]


def missing_value(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    return Faulty(rows.with_cell(row, 0, None), row, 0)


def unknown_label(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    """The last column of the model is of labels, or else it is of numbers."""
    if not isinstance(rows.cells[0][-1], str):
        return None
    return Faulty(rows.with_cell(row, len(rows.names) - 1, "Atlantis"), row, len(rows.names) - 1)


def wrong_width(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    if contract.ragged:
        return Faulty(rows.cut(row), row)
    return Faulty(rows.cut(None), word=rows.names[-1] if contract.names else "")


def one_cell_too_many(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    if contract.names or not contract.ragged:
        found = Rows((*rows.names, "colour"), [[*cells, 7] for cells in rows.cells])
        return Faulty(found, word="colour" if contract.names else "")
    cells = [[*each, 7] if i == row else each for i, each in enumerate(rows.cells)]
    return Faulty(replace(rows, cells=cells), row)


def wrong_name(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    found = replace(rows, names=(*rows.names[:-1], "colour"))
    return Faulty(found, word="colour") if contract.names else None


def text_for_a_number(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    """In a column of one type all numbers become texts, and so the first row is named."""
    found = rows.with_cell(row, 0, "many")
    return Faulty(found, 0 if contract.typed else row, 0)


def whole(number: int) -> Spoil:
    """A whole number that no float holds."""
    return lambda contract, rows, row: Faulty(rows.with_cell(row, 0, number), row, 0)


def other(value: Any) -> Spoil:
    """A value of JSON in a column of numbers; a column of one type cannot hold it beside them."""

    def spoil(contract: Contract, rows: Rows, row: int) -> Faulty | None:
        return None if contract.typed else Faulty(rows.with_cell(row, 0, value), row, 0)

    return spoil


def text_of_a_number(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    """In CSV all numbers are such."""
    return None if contract.body.startswith("CSV") else other("12")(contract, rows, row)


def null_for_a_label(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    column = len(rows.names) - 1
    return Faulty(rows.with_cell(row, column, None), row, column)


def no_rows(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    return Faulty(replace(rows, cells=[]))


def too_many_rows(contract: Contract, rows: Rows, row: int) -> Faulty | None:
    cells = [rows.cells[i % len(rows.cells)] for i in range(MOST_ROWS + 1)]
    return Faulty(replace(rows, cells=cells), word=str(MOST_ROWS))


def too_long(contract: Contract, client: FlaskClient, rows: Rows) -> TestResponse:
    return contract.send(client, rows, data=b" " * (MOST_BYTES + 1))


def cut_off(contract: Contract, client: FlaskClient, rows: Rows) -> TestResponse | None:
    """A body of lines may end anywhere."""
    sent = contract.encode(rows, "predict")
    if contract.body.startswith(("CSV", "NDJSON")):
        return None
    return contract.send(client, rows, data=sent["data"][: len(sent["data"]) * 2 // 3])


def no_body(contract: Contract, client: FlaskClient, rows: Rows) -> TestResponse:
    return contract.send(client, rows, data=b"")


def another_type(contract: Contract, client: FlaskClient, rows: Rows) -> TestResponse:
    return contract.send(client, rows, content_type="text/html")


def unknown_model(contract: Contract, client: FlaskClient, rows: Rows) -> TestResponse | None:
    return contract.send(client, rows, model="nowhere") if contract.named_model else None


def not_loaded(contract: Contract, client: FlaskClient, rows: Rows) -> TestResponse:
    return contract.send(client, rows)


# Faults of rows, by the heading of their column on the page. All are 400.
OF_ROWS: dict[str, tuple[Spoil, ...]] = {
    "missing value": (missing_value, null_for_a_label),
    "unknown label": (unknown_label,),
    "wrong width": (wrong_width, one_cell_too_many),
    "wrong name": (wrong_name,),
    "no number": (text_for_a_number, text_of_a_number, *map(other, (True, "", [1], {"a": 1}))),
    "beyond 2**53": (*map(whole, (2**53 + 1, 2**64 - 1)), *map(other, (-(2**63) - 1, 10**30))),
    "no rows": (no_rows,),
    "too many rows": (too_many_rows,),
}
OF_CALLS: dict[str, tuple[int, Callable[[Contract, FlaskClient, Rows], TestResponse | None]]] = {
    "cut off": (400, cut_off),
    "no body": (400, no_body),
    "too long": (413, too_long),
    "another type": (415, another_type),
    "unknown model": (404, unknown_model),
}
NOT_LOADED = ("no model", 503, not_loaded)
HEADINGS = (*OF_ROWS, *OF_CALLS, NOT_LOADED[0])
