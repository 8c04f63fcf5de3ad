"""Names of versions and models, which become parts of paths."""

import re
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any, TypeGuard

from app.exceptions import InvalidInput

# Called with a version before the change that names it, under the lock; an error in it prevents the change.
Accept = Callable[[str], object]

PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_version(name: Any) -> TypeGuard[str]:
    """True for a permitted name; dots alone are not."""
    return isinstance(name, str) and bool(PATTERN.fullmatch(name)) and set(name) != {"."}


def check_version(name: str) -> str:
    """Return ``name`` if it is permitted.

    :raises InvalidInput: otherwise; every name passes here before it joins a path.
    """
    if not is_version(name):
        reason = "must be 1 to 64 characters out of A-Z a-z 0-9 . _ -"
        raise InvalidInput([{"field": "version", "reason": reason}], message="Invalid version name")
    return name


def free_name(moment: datetime, taken: Callable[[str], bool]) -> str:
    """``YYYYmmdd_HHMMSS``, with a number appended if the name is taken."""
    stamp = moment.strftime("%Y%m%d_%H%M%S")
    names = (stamp if number == 1 else f"{stamp}_{number}" for number in count(1))
    return next(name for name in names if not taken(name))
