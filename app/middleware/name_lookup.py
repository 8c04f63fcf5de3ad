"""Looks up a host's name for a limited time: the system's own call may take 20 s where a name is gone."""

from collections.abc import Callable
from concurrent.futures import Future
from socket import getaddrinfo
from threading import Lock, Thread
from time import monotonic
from typing import Any

LookUp = Callable[[str, int], Any]

STALE_AFTER = 2.0  # seconds, after which a look-up is given up and another begins


class NameLookup:
    """Looks up in a thread, one name at a time; calls during a look-up wait for that same one."""

    def __init__(self, look_up: LookUp = getaddrinfo, *, clock: Callable[[], float] = monotonic) -> None:
        self._look_up = look_up
        self._clock = clock
        self._lock = Lock()
        self._pending: Future[Any] | None = None
        self._begun = 0.0

    def wait(self, host: str, port: int, *, seconds: float) -> None:
        """Return once the name is known.

        :raises TimeoutError: if that takes longer than ``seconds``; a later call finds its result.
        :raises OSError: if there is no such name.
        """
        with self._lock:
            pending = self._pending
            if pending is None or (not pending.done() and self._clock() - self._begun > STALE_AFTER):
                pending = self._pending = Future()
                self._begun = self._clock()
                Thread(target=self._run, args=(pending, host, port), daemon=True).start()
        try:
            pending.result(seconds)
        finally:
            with self._lock:
                if pending.done() and self._pending is pending:
                    self._pending = None

    def _run(self, pending: "Future[Any]", host: str, port: int) -> None:
        try:
            pending.set_result(self._look_up(host, port))
        except OSError as error:
            pending.set_exception(error)
