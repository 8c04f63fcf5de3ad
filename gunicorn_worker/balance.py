"""How many connections each worker has, so that new ones go where there are fewest.

Workers share the socket that listens. Of connections that come together, the worker that is first awake would
take all, and clients that keep theirs would leave the others idle.
"""

import mmap
import select
import socket
import time
from typing import Any

from gunicorn_worker.sending import SendingWorker

GIVE_WAY = 0.001  # s: for which a new connection is left to the other workers
SPREAD = 4  # connections that a worker which is behind may have more than another
LOOK = 0.01  # s: after how long the loop looks at who else has come
MOST_WORKERS = 256
WIDTH = 4  # bytes of a number
# Made before the workers are forked, so that they share it: 0 where there is no worker, else connections + 1.
_counts = memoryview(mmap.mmap(-1, MOST_WORKERS * WIDTH)).cast("i")


class ConnectionBalance:
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


class SharingWorker(SendingWorker):
    """A worker that leaves new connections to those who have fewer."""

    behind = False  # not all that was ready was looked at in the last turn of the loop
    gives_way = False
    gave_way = False

    def init_process(self) -> None:
        self.share = ConnectionBalance(self.age)
        super().init_process()

    def events(self, timeout: float) -> list[Any]:
        """What has come; without new connections, and soon, where they are left to others."""
        if not (self.gives_way and self.alive and self._accepting):
            return list(self.poller.select(timeout))
        self.gives_way, self.gave_way = False, True
        self.set_accept_enabled(False)
        events = self.poller.select(GIVE_WAY)
        self.set_accept_enabled(True)
        return list(events)

    def accept(self, listener: socket.socket) -> None:
        """Take the connections that wait, unless a worker that has fewer does so first.

        Those that wait on are known to nobody, so a worker that is behind takes them to refuse them.
        """
        until = time.monotonic() + LOOK
        while self._may_accept():
            super().accept(listener)
            self.share.note(self.nr_conns)
            if not self.alive or time.monotonic() > until or not is_ready(listener, select.POLLIN):
                break

    def _may_accept(self) -> bool:
        fewer = self.nr_conns - (SPREAD if self.behind else 0)
        if self.gave_way or self.share.is_least(fewer):
            self.gave_way = False
            return self.nr_conns < self.worker_connections and not self.crowded
        self.gives_way = True
        return False


def is_ready(sock: socket.socket, event: int) -> bool:
    """Whether a connection waits, or the client has taken most of what was sent before: 1.5 µs."""
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(0))
