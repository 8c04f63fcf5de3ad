"""The process: does it serve, or run a command of ``flask``, and what memory does it keep?"""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Parameters of mallopt(3), glibc's.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 8 * 1024 * 1024


def from_command_line() -> bool:
    """Whether ``flask`` started the process.

    Such a process shares the server's settings but must not join its workers' metrics, nor log to stdout,
    which programs read.
    """
    return os.environ.get("FLASK_RUN_FROM_CLI") == "true"


def serving() -> bool:
    """Whether the process loads and serves models: of those that ``flask`` starts only ``flask run``."""
    if not from_command_line():
        return True
    import click  # loaded already wherever the variable is set

    context = click.get_current_context(silent=True)
    return context is None or context.info_name == "run"


def give_back_memory() -> None:
    """Return to the system what was allocated and freed: half of what a large forest takes, in glibc."""
    _c_function("malloc_trim")(0)


def keep_freed_memory() -> None:
    """Keep up to 8 MB that were freed for the next arrays.

    glibc would give back what a large request has used, and the system hands out each page anew with zeros in
    it: half of the time that 10,000 rows take besides the model.
    """
    for parameter in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        _c_function("mallopt")(parameter, KEPT_BYTES)


def exempt_from_collection() -> None:
    """Collect garbage once, and what is loaded now never more.

    Each full collection stops all requests, for 130 ms with the 150,000 objects of the libraries:
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()


@contextmanager
def first_use(library: str) -> Iterator[None]:
    """Import a large library within, which a service that runs already needs for the first time.

    Its objects would set off ten full collections meanwhile, and make each one later take 60 to 90 ms.
    """
    if library in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
        exempt_from_collection()
    finally:
        gc.enable()


def _c_function(name: str) -> Any:
    """A function of the C library; one that does nothing where that has none of the name."""
    return getattr(ctypes.CDLL(None), name, lambda *_: None)
