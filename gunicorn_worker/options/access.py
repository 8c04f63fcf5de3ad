"""What this process may write, and what the user of gunicorn's workers may read."""

import os
import stat
from typing import Any

from gunicorn import util


def is_readable(path: str, cfg: Any) -> bool:
    """Whether the user and group that gunicorn gives its workers may read a file."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            util.set_owner_process(cfg.uid, cfg.gid, initgroups=cfg.initgroups)
            status = int(not os.access(path, os.R_OK))
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def is_writable_folder(path: str) -> bool:
    """Whether files can be made in a folder; an empty path is the current one."""
    return os.path.isdir(path or ".") and os.access(path or ".", os.W_OK | os.X_OK)


def is_writable_file(path: str) -> bool:
    """Whether a file can be written or made; a pipe would be waited for until somebody reads it."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return is_writable_folder(os.path.dirname(path))
    except OSError:
        return False
    return (stat.S_ISREG(mode) or stat.S_ISCHR(mode)) and os.access(path, os.W_OK)
