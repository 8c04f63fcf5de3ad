"""Draining: a server that is to stop answers readiness with 503, and serves on for ``DRAIN_SECONDS``.

Load balancers learn that a process stops from its readiness, some seconds later, or from a list that is
brought up to date beside the signal; until then they send it requests.
"""

import mmap
import signal
from typing import Any

# Made before the workers are forked, so that they share it.
_flag = mmap.mmap(-1, 1)


def draining() -> bool:
    """Whether this server is about to stop."""
    return _flag[0] != 0


def install(arbiter: Any, *, seconds: float) -> None:
    """Let gunicorn's main process, ``arbiter``, drain on SIGTERM.

    Meanwhile it goes on replacing workers. A second SIGTERM stops it at once, as SIGINT and SIGQUIT do.
    """
    stop = arbiter.handle_term

    def drain() -> None:
        arbiter.log.info("Draining for %s s", seconds)
        _flag[0] = 1
        arbiter.handle_term = stop
        signal.setitimer(signal.ITIMER_REAL, seconds)

    # The arbiter looks its handlers up by name, and queues signals until its loop can handle them.
    signal.signal(signal.SIGALRM, arbiter.signal)
    arbiter.handle_alrm = stop
    arbiter.handle_term = drain
