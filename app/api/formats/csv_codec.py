"""CSV: with a header by column name in any order, without one in training order. Needs pyarrow."""

import csv
from contextlib import suppress
from io import StringIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from app.api.formats.arrow_columns import column_of, table_of
from app.api.formats.decoding import Decoding, check_rows
from app.api.formats.results import result_columns
from app.exceptions import MAX_ERRORS, InvalidInput
from app.models.prediction import Prediction
from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.column_arrays import Column, Columns, coded
from app.models.schema.signature import Feature, InputSignature

MALFORMED = "The body is not valid CSV"
DELIMITERS = ",;\t|"
TRUTH_VALUES = {"true": True, "false": False, "1": True, "0": False}


def decode(raw: bytes, decoding: Decoding) -> Columns:
    """Rows of text cells; an empty one that is not quoted is missing.

    By ``header``, ``present`` or ``absent``, else the first line decides; ``delimiter``, ``charset``.
    """
    text = _text(raw, decoding.parameters.get("charset", "utf-8"))
    delimiter, first = _first_line(text, decoding)
    names = _names(first, decoding)
    features = _features(names, len(first), decoding.signature)
    table = _table(text.encode(), delimiter, features, skip=names is not None)
    check_rows(table.num_rows)
    columns = tuple(map(_column, table.columns, features))
    if names is None or decoding.known is None:
        return Columns(None if names is None else tuple(names), columns)
    kept = [i for i, name in enumerate(names) if name in decoding.known]
    return Columns(tuple(names[i] for i in kept), tuple(columns[i] for i in kept))


def encode(prediction: Prediction, outputs: tuple[str, ...], *, header: bool = True) -> bytes:
    """The result columns, numbers in the shortest form that reads back the same."""
    table = table_of(result_columns(prediction, outputs))
    try:
        return _written(table, header, "none")
    except pa.ArrowInvalid:  # a label holds a delimiter or a quote: then all of them are quoted
        return _written(table, header, "needed")


def _written(table: pa.Table, header: bool, quoting: str) -> bytes:
    sink = pa.BufferOutputStream()
    options = arrow_csv.WriteOptions(include_header=header, quoting_style=quoting, quoting_header=quoting)
    arrow_csv.write_csv(table, sink, options)
    return bytes(sink.getvalue())


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset).removeprefix("\ufeff")
    except (LookupError, UnicodeError):
        raise InvalidInput([{"reason": f"holds no text in {charset[:64]}"}], message=MALFORMED) from None


def _first_line(text: str, decoding: Decoding) -> tuple[str, list[str]]:
    """The delimiter and the fields of the first line, by which it is chosen where it is not given."""
    given = decoding.parameters.get("delimiter", "")
    if len(given) > 1 or given in ('"', "\n", "\r"):
        raise InvalidInput([{"field": "delimiter", "reason": "must be one character"}])
    width = len(decoding.signature.features) if decoding.signature else 0
    lines = StringIO(text, newline="")
    found = {each: _fields(lines, each) for each in given or DELIMITERS}
    chosen = next((each for each, fields in found.items() if len(fields) == width), given or DELIMITERS[0])
    return chosen, found[chosen]


def _fields(lines: StringIO, delimiter: str) -> list[str]:
    lines.seek(0)
    try:
        return next((row for row in csv.reader(lines, delimiter=delimiter) if row), [])
    except csv.Error as error:
        raise InvalidInput([{"reason": str(error)}], message=MALFORMED) from None


def _names(first: list[str], decoding: Decoding) -> list[str] | None:
    """The first line as names of columns, or None if it is a row."""
    header, signature = decoding.parameters.get("header"), decoding.signature
    if header not in (None, "present", "absent"):
        raise InvalidInput([{"field": "header", "reason": "must be present or absent"}])
    if header or signature is None:
        return None if header == "absent" else first
    names = [name.strip() for name in first]
    if any(name in signature.positions for name in names):
        return names
    numbers = any(_is_number(field) for field in first)
    return names if signature.numeric and first and not numbers and any(names) else None


def _is_number(text: str) -> bool:
    return isinstance(_number(text.strip()), int | float) or text.strip().lower() in TRUTH_VALUES


def _table(raw: bytes, delimiter: str, features: list[Feature | None], *, skip: bool) -> pa.Table:
    """Columns of numbers as such where all cells of all of them are plain ones, else all cells as texts."""
    numeric = [i for i, feature in enumerate(features) if feature and feature.kind == "number"]
    with suppress(pa.ArrowException):
        table = _read(raw, delimiter, len(features), skip=skip, numeric=numeric)
        if all(_is_plain(np.asarray(table[i])) for i in numeric):
            return table
    return _read(raw, delimiter, len(features), skip=skip, numeric=[])


def _is_plain(numbers: NDArray[np.float64]) -> bool:
    return bool(np.nanmax(np.abs(numbers), initial=0.0) < EXACT_INTEGER)


def _read(raw: bytes, delimiter: str, width: int, *, skip: bool, numeric: list[int]) -> pa.Table:
    faulty: list[dict[str, Any]] = []

    def reject(row: Any) -> str:
        found = f"has {row.actual_columns} values, not {row.expected_columns}"
        faulty.append({"row": row.number - 1 - skip, "reason": found})
        return "skip" if len(faulty) < MAX_ERRORS else "error"

    names = list(map(str, range(width)))
    read = arrow_csv.ReadOptions(
        use_threads=False, block_size=len(raw) + 1, column_names=names, skip_rows=int(skip)
    )
    parse = arrow_csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=reject, ignore_empty_lines=width > 1
    )
    convert = arrow_csv.ConvertOptions(
        column_types={name: pa.float64() if i in numeric else pa.string() for i, name in enumerate(names)},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    try:
        table = arrow_csv.read_csv(pa.BufferReader(raw), read, parse, convert)
    except pa.ArrowException as error:
        if not faulty and numeric:
            raise
        if not faulty:
            reason = (str(error).strip().splitlines() or [""])[0][:200]
            raise InvalidInput([{"reason": reason}], message=MALFORMED) from None
    if faulty:
        raise InvalidInput(faulty)
    return table


def _features(names: list[str] | None, width: int, signature: InputSignature | None) -> list[Feature | None]:
    """What the model knows of each column."""
    if signature is None or (names is None and width != len(signature.features)):
        return [None] * width
    if names is None:
        return list(signature.features)
    positions = map(signature.positions.get, names)
    return [None if position is None else signature.features[position] for position in positions]


def _column(column: pa.ChunkedArray, feature: Feature | None) -> Column:
    if pa.types.is_floating(column.type):
        return np.asarray(column)
    if feature is not None and feature.numeric:
        return _truth_values(column) if feature.kind == "boolean" else _numbers(column)
    return column_of(column)


def _numbers(column: pa.ChunkedArray) -> Column:
    texts = pc.utf8_trim_whitespace(column)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)  # quoted, no number is empty
    with suppress(pa.ArrowInvalid):
        numbers = np.asarray(texts.cast(pa.float64()))
        if _is_plain(numbers):
            return numbers
    return coded([None if text is None else _number(text) for text in texts.to_pylist()])


def _truth_values(column: pa.ChunkedArray) -> Column:
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(column)).to_pylist()
    return coded([TRUTH_VALUES.get(text, text or None) for text in texts])


def _number(text: str) -> int | float | str:
    """The number that a text is, a whole one exactly; or the text."""
    if "_" in text:
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
