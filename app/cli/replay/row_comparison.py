"""How far apart are two answers to one row?"""

import sys
from math import isfinite, isnan
from typing import Any, Final, NamedTuple

import numpy as np

EQUAL: Final = "equal"
FLOAT32: Final = "float32_rounding"
MORE: Final = "more"
FORM: Final = "other_form"
LABEL: Final = "other_label"
# From near to far; an answer is as far away as the farthest of its values.
KINDS = (EQUAL, "within_1e-9", FLOAT32, "within_1e-6", "within_1e-3", MORE, FORM, LABEL)
LIMITS = {"within_1e-9": 1e-9, "within_1e-6": 1e-6, "within_1e-3": 1e-3}
# Two roundings to 24 bits: of the answer, and of the number that it was computed from.
FLOAT32_ROUNDING = 2.0**-22
# Up to here single precision holds all whole numbers, so that none is rounded to another.
WHOLE_IN_FLOAT32 = 2.0**24
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class Difference(NamedTuple):
    """``kind``: one of `KINDS`. ``size``: of numbers, absolute up to 1 and relative beyond; else 0."""

    kind: str
    size: float = 0.0

    @property
    def rank(self) -> tuple[int, float]:
        """For an order from near to far."""
        return KINDS.index(self.kind), self.size


SAME = Difference(EQUAL)


def compare(old: Any, new: Any) -> Difference:
    """The difference of two JSON values. Members that only ``new`` has do not count, as no client of the old
    server reads them; a list of one value is that value, as V1 and V2 differ in it."""
    old, new = _unwrapped(old), _unwrapped(new)
    match old, new:
        case dict(), dict():
            if missing := old.keys() - new.keys():
                return Difference(FORM, len(missing))
            parts = [compare(value, new[name]) for name, value in old.items()]
        case list(), list():
            if len(old) != len(new):
                return Difference(FORM)
            parts = [compare(*pair) for pair in zip(old, new, strict=True)]
        case (dict() | list(), _) | (_, dict() | list()):
            return Difference(FORM)
        case _:
            return _compare_values(old, new)
    return max(parts, key=lambda part: part.rank, default=SAME)


def _unwrapped(value: Any) -> Any:
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _compare_values(old: Any, new: Any) -> Difference:
    if _missing(old) and _missing(new):
        return SAME
    if not (_is_number(old) and _is_number(new)):
        return SAME if type(old) is type(new) and old == new else Difference(LABEL)
    return SAME if old == new else _compare_numbers(old, new)


def _compare_numbers(old: float, new: float) -> Difference:
    if _is_label(old) and _is_label(new):
        return Difference(LABEL)
    if not (isfinite(old) and isfinite(new)):
        return Difference(MORE, sys.float_info.max)  # JSON has no infinity
    largest = max(abs(old), abs(new))
    size = abs(old - new) / max(1.0, largest)
    kind = next((kind for kind, limit in LIMITS.items() if size <= limit), MORE)
    if kind != "within_1e-9" and abs(old - new) <= FLOAT32_ROUNDING * largest and is_float32(float(old)):
        kind = FLOAT32
    return Difference(kind, size)


def is_float32(number: float) -> bool:
    """Whether a number was in single precision: written out as a double, or as shortly as it can be."""
    if abs(number) > LARGEST_FLOAT32:
        return False
    single = np.float32(number)
    return float(single) == number or float(str(single)) == number


def _is_label(number: float) -> bool:
    """Classes are whole numbers, written with or without a point; so may be a regressor's answers, but two
    different ones are apart by 1 at least."""
    return isinstance(number, int) or (number.is_integer() and abs(number) < WHOLE_IN_FLOAT32)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= sys.float_info.max)


def _missing(value: Any) -> bool:
    """NaN is null where a protocol has no NaN."""
    return value is None or (isinstance(value, float) and isnan(value))
