"""Size of a JSON body, in bytes and values: at most what its model can use."""

import re
from itertools import islice

import numpy as np
import orjson

from app.exceptions import InvalidInput
from app.models.schema.signature import InputSignature

SEPARATORS = (b",", b"[", b"{")
SHORT = 128 * 1024  # bytes: bodies up to this length are read whatever the model; they cost little
ROOM = 4096  # bytes beside the rows: ids, and names of fields
# Up to so many times as much as the model takes is left to the model's own check, which names each error.
SLACK = 2
# A string without an end takes all the rest, so that each byte is looked at once.
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
NAME = re.compile(rb"(" + STRING.pattern + rb")(\s*+:)?", re.DOTALL)
# The same where it is a name, or looks like one inside of a text.
NAMED = re.compile(rb'[{,]\s*+("(?:[^"\\]++|\\.)*+")\s*+:', re.DOTALL)
# Fewer names cost little memory, whatever they are. So many unknown ones are no slips.
MANY_NAMES, MANY_UNKNOWN = 20_000, 1_000
# Bytes that are looked through at a time, and how far names may reach beyond.
WINDOW, OVERLAP = 64 * 1024, 1024


def check_values(raw: bytes, signature: InputSignature, *, rows: int) -> None:
    """Reject a long body of more values than the model takes before they become objects, each of which is
    some thirty times as large as its text.

    :param rows: the most that the body may hold.
    :raises InvalidInput: if there are more than twice as many values as so many rows have, or it is more than
        twice as long as their numbers can be.
    """
    width = len(signature.features)
    described = f"{'one row' if rows == 1 else f'{rows} rows'} of the model's {width} columns"
    if signature.numeric and len(raw.rstrip()) > SLACK * (ROOM + rows * signature.row_bytes):
        raise InvalidInput([{"reason": f"is longer than {described} can be"}])
    if _values(raw, most := SLACK * (rows + 1) * (width + 1)) > most:
        raise InvalidInput([{"reason": f"holds more values than {described}"}])
    if _count(raw, b'"') > 2 * MANY_NAMES:
        _check_names(raw, signature)


def _check_names(raw: bytes, signature: InputSignature) -> None:
    """Reject a body of many names that are no columns: each name of its own takes a hundred bytes."""
    names: set[bytes] = set()
    unknown: set[bytes] = set()
    for start in range(0, len(raw), WINDOW):
        fresh = set(NAMED.findall(raw, start, start + WINDOW + OVERLAP)) - names
        names |= fresh
        unknown |= {name for name in fresh if _text(name) not in signature.positions}
        if len(unknown) > MANY_UNKNOWN:
            _check_names_between_texts(raw, signature)
            break


def _check_names_between_texts(raw: bytes, signature: InputSignature) -> None:
    """The same, ten times as slow, without what only looks like a name."""
    known: set[bytes] = set()
    unknown: set[bytes] = set()
    strings = NAME.finditer(raw)
    while part := list(islice(strings, MANY_UNKNOWN)):
        fresh = {match[1] for match in part if match[2]} - known - unknown
        known |= (columns := {name for name in fresh if _text(name) in signature.positions})
        unknown |= fresh - columns
        if len(unknown) > MANY_UNKNOWN:
            raise InvalidInput([{"reason": f"holds more than {MANY_UNKNOWN:,} names that are no columns"}])


def _text(string: bytes) -> str | None:
    """What a string of JSON says; None if it is malformed."""
    try:
        return str(orjson.loads(string))
    except orjson.JSONDecodeError:
        return None


def _values(raw: bytes, most: int) -> int:
    """The number of values, roughly; more than ``most`` if they are clearly more."""
    found = sum(_count(raw, each) for each in SEPARATORS)
    # Quotes without a backslash before them: at least one for each string.
    if found > most and _count(raw, b'"') - raw.count(b'\\"') <= 2 * most:
        # Separators inside strings separate no values. With more strings than ``most`` they do not matter.
        found -= sum(match[0].count(each) for match in STRING.finditer(raw) for each in SEPARATORS)
    return found


def _count(raw: bytes, byte: bytes) -> int:
    """How often a byte occurs in a long body: `bytes.count` takes five times as long."""
    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) == byte[0]))
