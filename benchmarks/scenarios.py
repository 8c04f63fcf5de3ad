"""Requests to the peers, and the check of their answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bodies
from benchmarks.models import Model
from benchmarks.peers import Peer

# Number of rows in all bodies of a scenario: too many for a cache to answer instead of the model.
ROWS_IN_TURN = 6400
MOST_BODIES = 64
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Requests:
    """Path and bodies, which are sent round-robin."""

    path: str
    bodies: tuple[bytes, ...]

    def write(self, file: Path) -> Path:
        """The bodies, for a load generator; returns ``file``."""
        return bodies.write(file, self.bodies)


def batch(model: Model, size: int, *, offset: int = 0) -> Any:
    """``size`` held-out rows from ``offset`` on, repeated if too few; float64 of shape (size, 20)."""
    return np.take(model.rows, range(offset, offset + size), axis=0, mode="wrap")


def requests(peer: Peer, model: Model, size: int) -> Requests:
    """Requests of ``size`` rows each in the peer's format."""
    number = min(MOST_BODIES, max(1, ROWS_IN_TURN // size))
    encoded = [peer.request(batch(model, size, offset=n).tolist()) for n in range(number)]
    return Requests(encoded[0][0], tuple(body for _, body in encoded))


def agrees(numbers: Any, expected: Any) -> bool:
    """Whether the numbers of an answer hold the probabilities of the first and the last row, or all labels.

    Every peer has a shape of its own, but each lists a row's probabilities one after the other.

    :param expected: what scikit-learn says, float64 of (rows, classes), or labels (rows,).
    """
    ends = expected[[0, -1]] if expected.ndim == 2 else expected[None]
    if numbers.size < expected.size:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(numbers, ends.shape[1])
    return all(np.isclose(windows, row, atol=TOLERANCE).all(axis=1).any() for row in ends)
