"""Balances connections: new ones go to the worker that has fewest.

Workers share the listening socket. The first to wake up would take all connections that come together, and
clients that keep theirs would leave the other workers idle: https://github.com/benoitc/gunicorn/issues/3071
"""

import mmap
import select
import socket
import time
from typing import Any

from gunicorn_worker.peek import has_event
from gunicorn_worker.reading import ReadingWorker

YIELD_SECONDS = 0.001  # for which a new connection is left to the other workers
OVERDUE_ALLOWANCE = 4  # connections that a worker with overdue requests may have more than another
TURN_SECONDS = 0.01  # of the main loop, until it looks for new connections again
MAX_WORKERS = 256
ITEM_BYTES = 4
# Shared, because made before the fork: 0 where there is no worker, else its number of connections + 1.
_counts = memoryview(mmap.mmap(-1, MAX_WORKERS * ITEM_BYTES)).cast("i")


class ConnectionBalance:
    """One worker's count of connections among those of all; ``age`` is gunicorn's number of a worker."""

    def __init__(self, age: int) -> None:
        self._slot = age % MAX_WORKERS

    def publish(self, connections: int) -> None:
        """Let the other workers know how many connections this one has."""
        _counts[self._slot] = connections + 1

    def is_least(self, connections: int) -> bool:
        """Whether no other worker has fewer."""
        own = connections + 1
        return not any(0 < other < own for slot, other in enumerate(_counts) if slot != self._slot)


def remove_worker(age: int) -> None:
    """Free the slot of a worker that has ended, killed or not."""
    _counts[age % MAX_WORKERS] = 0


class BalancedWorker(ReadingWorker):
    """`ReadingWorker` that leaves new connections to workers with fewer."""

    overdue = False  # whether the last turn of the loop left requests to the next one
    yields_accept = False
    has_yielded = False

    def init_process(self) -> None:
        self.balance = ConnectionBalance(self.age)
        super().init_process()

    def events(self, timeout: float) -> list[Any]:
        """Events of the poller; soon and without new connections if those are left to other workers."""
        if not (self.yields_accept and self.alive and self._accepting):
            return list(self.poller.select(timeout))
        self.yields_accept, self.has_yielded = False, True
        self.set_accept_enabled(False)
        events = self.poller.select(YIELD_SECONDS)
        self.set_accept_enabled(True)
        return list(events)

    def accept(self, listener: socket.socket) -> None:
        """Take the connections in the backlog, unless a worker with fewer does so first.

        A worker with overdue requests takes them too, because no limit sees requests in the backlog.
        """
        until = time.monotonic() + TURN_SECONDS
        while self._may_accept():
            super().accept(listener)
            self.balance.publish(self.nr_conns)
            if not self.alive or time.monotonic() > until or not has_event(listener, select.POLLIN):
                break

    def _may_accept(self) -> bool:
        connections = self.nr_conns - (OVERDUE_ALLOWANCE if self.overdue else 0)
        if self.has_yielded or self.balance.is_least(connections):
            self.has_yielded = False
            return self.nr_conns < self.worker_connections and not self.out_of_files
        self.yields_accept = True
        return False
