"""Progress of a certification, for those who wait for it."""

from collections.abc import Callable
from typing import Protocol


class Report(Protocol):
    """Is told which step is under way, and, where it is known, the share of it that is done, 0 to 1."""

    def __call__(self, step: str, share: float | None = None, /) -> None: ...


def silent(step: str, share: float | None = None, /) -> None:
    """Tells nobody."""


def counter(report: Report, step: str, total: int) -> Callable[[int], None]:
    """Counts what is done of ``total``, and reports each further hundredth."""
    done = shown = 0

    def advance(number: int) -> None:
        nonlocal done, shown
        done += number
        if (hundredths := min(100, done * 100 // total)) > shown:
            shown = hundredths
            report(step, hundredths / 100)

    return advance
