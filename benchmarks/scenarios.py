"""Requests to the peers, and the check of their answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import Model
from benchmarks.peers import Peer

# Number of rows in all bodies of a scenario: too many for a cache to answer instead of the model.
ROWS_IN_TURN = 6400
MOST_BODIES = 64
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Requests:
    """Path and JSON bodies, which are sent round-robin."""

    path: str
    bodies: tuple[bytes, ...]

    def write(self, file: Path) -> Path:
        """One body a line; returns ``file``."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\n".join(self.bodies))
        return file


def batch(model: Model, size: int, *, offset: int = 0) -> Any:
    """``size`` held-out rows from ``offset`` on, repeated if too few; float64 of shape (size, 20)."""
    return np.take(model.rows, range(offset, offset + size), axis=0, mode="wrap")


def requests(peer: Peer, model: Model, size: int) -> Requests:
    """Requests of ``size`` rows each in the peer's format."""
    bodies = min(MOST_BODIES, max(1, ROWS_IN_TURN // size))
    encoded = [peer.encode(batch(model, size, offset=n).tolist()) for n in range(bodies)]
    path, _ = encoded[0]
    return Requests(path, tuple(json.dumps(document).encode() for _, document in encoded))


def agrees(answer: bytes, expected: Any) -> bool:
    """Whether a JSON answer has the probabilities of the first and the last row.

    Every peer has a shape of its own, but each lists a row's probabilities one after the other.

    :param expected: what scikit-learn says, float64 of (rows, classes).
    """
    numbers = np.array(list(_numbers(json.loads(answer))))
    if numbers.size < expected.size:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(numbers, expected.shape[1])
    ends = expected[[0, -1]]
    return all(np.isclose(windows, row, atol=TOLERANCE).all(axis=1).any() for row in ends)


def _numbers(node: Any) -> Iterator[float]:
    """Every number in a JSON document, in the order of the text."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _numbers(item)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield float(node)
