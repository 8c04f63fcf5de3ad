"""gunicorn's options of TLS: whether a handshake can work with them. gunicorn itself looks only then."""

import os
import ssl
from typing import Any

from gunicorn import sock

from gunicorn_worker.options.access import is_readable
from gunicorn_worker.options.values import written

NEED_CERTIFICATE = ("keyfile", "ca_certs", "cert_reqs", "ciphers", "do_handshake_on_connect")


def tls_fault(cfg: Any) -> str | None:
    """Name the option with which no handshake would work, and the reason; None if TLS works or is off.

    The workers load the files anew for each connection. A key that needs a password is refused: nobody is
    there to type it.
    """
    settings = cfg.settings
    if not cfg.certfile:
        given = (settings[name] for name in NEED_CERTIFICATE if settings[name].get())
        return next((f"{written(setting)}: has no effect without --certfile" for setting in given), None)
    for name in ("certfile", "keyfile", "ca_certs"):
        path = settings[name].get()
        if path and not (os.path.isfile(path) and is_readable(path, cfg)):
            return f"{written(settings[name])}: is no file that the workers can read"
    for name, load in LOADS:
        try:
            load(cfg)
        except (OSError, ValueError, TypeError) as error:  # ssl.SSLError is an OSError
            if name == "keyfile" and not cfg.keyfile:
                return f"{written(settings['certfile'])}: has no key with it; set --keyfile"
            return f"{written(settings[name])}: cannot be used: {_reason(error)}"
    if cfg.cert_reqs and not cfg.ca_certs:
        return f"{written(settings['cert_reqs'])}: needs --ca-certs, by which clients are verified"
    return None


def _load_certificate(cfg: Any) -> None:
    ssl.create_default_context(cafile=cfg.certfile)


def _load_key(cfg: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cfg.certfile, cfg.keyfile, password=_refuse)


def _refuse() -> str:
    raise ValueError("it needs a password")


def _load_authorities(cfg: Any) -> None:
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=cfg.ca_certs)


def _require(cfg: Any) -> None:
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).verify_mode = cfg.cert_reqs


def _choose_ciphers(cfg: Any) -> None:
    if cfg.ciphers:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(cfg.ciphers)


def _make_context(cfg: Any) -> None:
    sock.ssl_context(cfg)


# Options and what gunicorn does with it for each connection; last all of it.
LOADS = (
    ("certfile", _load_certificate),
    ("keyfile", _load_key),
    ("ca_certs", _load_authorities),
    ("cert_reqs", _require),
    ("ciphers", _choose_ciphers),
    ("certfile", _make_context),
)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None)  # not every one has it
        return reason.replace("_", " ").lower() if reason else "OpenSSL finds nothing in it"
    return getattr(error, "strerror", None) or str(error)
