"""What gunicorn's options name outside of the process: addresses, files, folders, users, certificates."""

import errno
import os
import socket
import stat
from contextlib import suppress
from typing import Any

from gunicorn import util

from gunicorn_worker.options.access import is_readable, is_writable_file, is_writable_folder
from gunicorn_worker.options.tls import tls_fault
from gunicorn_worker.options.values import written

# Variables of a server that takes over the sockets of another, or of systemd: nothing is bound.
INHERITED = {"GUNICORN_FD", "LISTEN_FDS"}
LONGEST_SOCKET_PATH = 107  # bytes, of Linux


def resources_fault(cfg: Any) -> str | None:
    """Name an option whose file, folder, address or user cannot be used, and the reason; else None."""
    return _folders_fault(cfg) or _user_fault(cfg) or tls_fault(cfg) or _bind_fault(cfg)


def _folders_fault(cfg: Any) -> str | None:
    settings = cfg.settings
    if (folder := cfg.worker_tmp_dir) and not is_writable_folder(folder):
        return f"{written(settings['worker_tmp_dir'])}: is no folder that can be written"
    if (path := cfg.pidfile) and (os.path.isdir(path) or not is_writable_folder(os.path.dirname(path))):
        return f"{written(settings['pidfile'])}: cannot be written"
    if (path := cfg.accesslog) not in (None, "-") and not is_writable_file(path):
        return f"{written(settings['accesslog'])}: is no file that can be written"
    for path in (cfg.pythonpath or "").split(","):
        if path and not os.path.exists(path):
            return f"{written(settings['pythonpath'])}: there is no {path}"
    return None


def _user_fault(cfg: Any) -> str | None:
    for name, own in (("user", os.geteuid()), ("group", os.getegid())):
        if cfg.settings[name].get() != own and os.geteuid() != 0:
            return f"{written(cfg.settings[name])}: root alone may become another"
    if not is_readable(os.__file__, cfg):
        return f"{written(cfg.settings['user'])}: may not read Python's own {os.path.dirname(os.__file__)}"
    return None


def _bind_fault(cfg: Any) -> str | None:
    if INHERITED & os.environ.keys():
        return None
    setting = cfg.settings["bind"]
    for bind in setting.get():
        address = util.parse_address(bind)
        try:
            if isinstance(address, tuple):
                _try_address(address)
            elif isinstance(address, int):
                _check_descriptor(address)
            elif not _is_possible_socket(address):
                return f"{written(setting, bind)}: is no path at which a socket can be made"
        except OSError as error:
            return f"{written(setting, bind)}: nothing can listen there: {error.strerror}"
        except ValueError as error:  # UnicodeError is one
            return f"{written(setting, bind)}: nothing can listen there: {error}"
    return None


def _try_address(address: tuple[str, int]) -> None:
    """Bind as gunicorn does, for a moment; an address that is in use gunicorn waits for."""
    family = socket.AF_INET6 if util.is_ipv6(address[0]) else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


def _check_descriptor(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as given:
        if given.type != socket.SOCK_STREAM:
            raise ValueError("it is no stream socket")
        with suppress(OSError):
            given.getpeername()
            raise ValueError("it is a connection")


def _is_possible_socket(path: str) -> bool:
    if not path or len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        return False
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        pass
    return is_writable_folder(os.path.dirname(path))
