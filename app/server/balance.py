"""How many connections each worker has, so that new ones go where there are fewest.

Workers share the socket that listens. Of connections that come together, the worker that is first awake would
take all, and clients that keep theirs would leave the others idle.
"""

import mmap

MOST_WORKERS = 256
WIDTH = 4  # bytes of a number
# Made before the workers are forked, so that they share it: 0 where there is no worker, else connections + 1.
_counts = memoryview(mmap.mmap(-1, MOST_WORKERS * WIDTH)).cast("i")


class Share:
    """One worker's number among those of all; ``age`` is what gunicorn counts its workers by."""

    def __init__(self, age: int) -> None:
        self._place = age % MOST_WORKERS

    def note(self, connections: int) -> None:
        """Let the others know how many connections this worker has."""
        _counts[self._place] = connections + 1

    def is_least(self, connections: int) -> bool:
        """Whether no other worker has fewer."""
        own = connections + 1
        return not any(0 < other < own for place, other in enumerate(_counts) if place != self._place)


def forget(age: int) -> None:
    """A worker has ended, however it did."""
    _counts[age % MOST_WORKERS] = 0
