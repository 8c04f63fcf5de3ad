"""Size of a JSON body, in bytes and values: at most what its model can use."""

import re

from flask import current_app

from app.exceptions import InvalidInput
from app.models.schema.signature import InputSignature

SHORT = 128 * 1024  # bytes: bodies up to this length are read whatever the model; they cost little
ROOM = 4096  # bytes beside the rows: ids, and names of fields
# Up to so many times as much as the model takes is left to the model's own check, which names each error.
SLACK = 2
# A string without an end takes all the rest, so that each byte is looked at once.
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


def check_values(raw: bytes, signature: InputSignature) -> None:
    """Reject a long body of more values than the model takes before they become objects, each of which is
    some thirty times as large as its text.

    :raises InvalidInput: if there are more than twice as many as ``MAX_BATCH_SIZE`` rows have, or it is more
        than twice as long as their numbers can be.
    """
    rows, width = current_app.config["MAX_BATCH_SIZE"], len(signature.features)
    if signature.numeric and len(raw.rstrip()) > SLACK * (ROOM + rows * signature.row_bytes):
        raise InvalidInput([{"reason": f"is longer than {rows} rows of the model's {width} columns can be"}])
    if _values(raw, most := SLACK * (rows + 1) * (width + 1)) > most:
        reason = f"holds more values than {rows} rows of the model's {width} columns"
        raise InvalidInput([{"reason": reason}])


def _values(raw: bytes, most: int) -> int:
    """The number of values, roughly; more than ``most`` if they are clearly more."""
    found = _separators(raw)
    # Quotes without a backslash before them: at least one for each string.
    if found > most and raw.count(b'"') - raw.count(b'\\"') <= 2 * most:
        # Separators inside strings separate no values. With more strings than ``most`` they do not matter.
        found -= sum(_separators(match[0]) for match in STRING.finditer(raw))
    return found


def _separators(raw: bytes) -> int:
    return sum(map(raw.count, (b",", b"[", b"{")))
