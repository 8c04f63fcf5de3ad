"""Notation of rate limits: ``"100 per hour"`` or ``"20/second;1000/hour"``, as ``limits`` reads it."""

from typing import NamedTuple

from environs import ValidationError
from limits import parse_many


class Window(NamedTuple):
    """At most ``amount`` requests in any ``seconds``."""

    amount: int
    seconds: int


class Limit(NamedTuple):
    """Windows that must all have room; ``name`` tells one limit's counts from another's."""

    name: str
    windows: tuple[Window, ...]

    def share(self, workers: int) -> "Limit":
        """The share of each of ``workers``, so that together they stay within the limit.

        A window of fewer requests than there are workers leaves each of them one.
        """
        shares = (Window(max(1, amount // workers), seconds) for amount, seconds in self.windows)
        return Limit(f"{self.name}/{workers}", tuple(shares))


def parse_windows(notation: str) -> tuple[Window, ...]:
    """Read the windows of a limit, which may admit nothing.

    :raises ValueError: if the notation is wrong.
    """
    return tuple(Window(item.amount, item.get_expiry()) for item in parse_many(notation))


def parse_limit(notation: str) -> Limit:
    """Read a limit.

    :raises ValueError: if the notation is wrong, or admits nothing.
    """
    windows = parse_windows(notation)
    if any(amount < 1 for amount, _ in windows):
        raise ValueError(f"a limit must admit something: {notation}")
    return Limit(";".join(f"{amount}/{seconds}" for amount, seconds in windows), windows)


def is_limit(notation: str) -> bool:
    """Whether the notation is that of a limit."""
    try:
        return bool(parse_limit(notation))
    except ValueError:
        return False


def rates(value: str) -> None:
    """Reject a setting that is neither empty nor a limit."""
    if value and not is_limit(value):
        raise ValidationError("Must be empty or like '100 per hour' or '20/second;1000/hour'.")


def one_rate(value: str) -> None:
    """Reject a setting that is not a limit of one window."""
    if not is_limit(value) or len(parse_limit(value).windows) != 1:
        raise ValidationError('Must be one limit, such as "20/minute".')
