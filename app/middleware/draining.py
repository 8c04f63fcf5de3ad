"""A service that is about to stop says so first, and serves on until nobody sends it requests any more.

Load balancers learn that a process stops from its readiness, some seconds later, or from a list that is
brought up to date beside the signal; until then they send it requests. So gunicorn, told to stop, answers
readiness with 503, and stops ``DRAIN_SECONDS`` later.
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

    It goes on replacing workers meanwhile. A second SIGTERM stops it at once, as SIGINT and SIGQUIT do.
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
