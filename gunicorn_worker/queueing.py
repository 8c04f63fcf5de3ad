"""In which order the main loop answers requests, and which of them are too many."""

import sys
import threading
import time
from typing import Any

from gunicorn_worker.balance import TURN_SECONDS, BalancedWorker
from gunicorn_worker.peek import has_input
from gunicorn_worker.reading import OPERATORS


class QueueingWorker(BalancedWorker):
    """`BalancedWorker` whose main loop answers requests in order of arrival and first rejects the excess."""

    max_ready = sys.maxsize
    """Limit of requests that wait for the main loop; `waiting` is positive for those beyond."""
    queue_position = 0

    def init_process(self) -> None:
        self.deferred: dict[int, int] = {}  # file descriptor -> queue position
        self.request_events = (self.on_client_socket_readable, self.on_pending_socket_readable, self.accept)
        super().init_process()

    def waiting(self) -> int:
        """Number of requests that wait in front of the current one, for the main loop or for its thread."""
        thread = threading.current_thread()
        if thread is threading.main_thread():
            return self.queue_position
        pool = self.operators if thread.name.startswith(OPERATORS) else self.tpool
        return int(pool._work_queue.qsize())

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Like `ThreadWorker`'s, but requests beyond `max_ready` are rejected before any other is processed.

        Events deferred after `TURN_SECONDS` come first in the next turn; the poller would put connections
        before them that were answered and have asked again. Without overdue requests nothing is rejected:
        many clients that hang up at once are little work.
        """
        events = sorted(self.events(timeout), key=lambda event: self.deferred.get(event[0].fd, sys.maxsize))
        began = time.monotonic()
        excess = self._excess(events) if self.overdue else {}
        for key, position in excess.items():
            self.queue_position = position
            key.data(key.fileobj)
        events = [event for event in events if event[0] not in excess] if excess else events
        self.queue_position, self.deferred, overdue = 0, {}, False
        for position, (key, _) in enumerate(events, start=1):
            key.data(key.fileobj)
            if time.monotonic() - began > TURN_SECONDS:
                overdue = True
                self.deferred = {event[0].fd: place for place, event in enumerate(events[position:])}
                break
        self.overdue = overdue  # only now: accepting in this turn goes by the turn before
        self.balance.publish(self.nr_conns)

    def _excess(self, events: list[Any]) -> dict[Any, int]:
        """Events of requests beyond `max_ready`, with their queue positions.

        Growing heads and closing connections are no requests: a client with many of them must not get the
        requests of others rejected.
        """
        requests = [key for key, _ in events if getattr(key.data, "func", key.data) in self.request_events]
        if len(requests) > self.max_ready and self.can_peek:
            requests = [key for key in requests if has_input(key.fileobj)]
        return {key: position for position, key in enumerate(requests) if position >= self.max_ready}
