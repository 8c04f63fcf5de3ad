"""The process: does it serve, or run a command of ``flask``, and what memory does it keep?"""

import ctypes
import os
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


def _c_function(name: str) -> Any:
    """A function of the C library; one that does nothing where that has none of the name."""
    return getattr(ctypes.CDLL(None), name, lambda *_: None)
