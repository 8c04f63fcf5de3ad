"""Is ``REDIS_URL`` an address that the client of Redis can use? No answer shows it or the password in it."""

import os
import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit

REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
# What an address can say: the client's other options are no text.
OPTIONS = {
    *("db", "protocol", "client_name", "encoding", "max_connections", "health_check_interval"),
    *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "retry_on_timeout"),
    *("ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_certfile", "ssl_keyfile"),
    *("ssl_password", "ssl_check_hostname", "ssl_ciphers", "ssl_min_version"),
}
LONGEST_SOCKET_PATH = 107  # bytes, of Linux
ESCAPE = "write special characters of its password percent-encoded: # as %23, / as %2F, ? as %3F"


def redis_fault(url: str) -> str | None:
    """Why the client cannot use ``url``, or None; nothing is connected to."""
    if not url.startswith(REDIS_SCHEMES):
        return f"REDIS_URL: must start with one of {', '.join(REDIS_SCHEMES)}"
    try:
        parts = urlsplit(url)
        port, database = parts.port, parts.path.lstrip("/")  # reading the port may raise
    except ValueError:
        return f"REDIS_URL: has no usable port; {ESCAPE}"
    if parse_qs(parts.query, keep_blank_values=True).keys() - OPTIONS:
        return f"REDIS_URL: has an option that an address cannot set; {ESCAPE}"
    if fault := _options_fault(url):
        return fault
    if parts.scheme == "unix":
        whole = 0 < len(os.fsencode(parts.path)) <= LONGEST_SOCKET_PATH
    else:
        whole = bool(parts.hostname) and (not database or database.isdigit())
    if parts.fragment or not whole:
        return f"REDIS_URL: cannot be read as a whole; {ESCAPE}"
    return None if port is None or port > 0 else "REDIS_URL: 0 is no port"


def _options_fault(url: str) -> str | None:
    from redis import ConnectionPool
    from redis.exceptions import RedisError

    try:
        connection: Any = ConnectionPool.from_url(url).make_connection()
        if int(connection.db) < 0:
            raise ValueError("there is no such database")
        connection.pack_command("GET", "name")  # in the encoding that the address may choose
    except (ValueError, TypeError, LookupError, AttributeError, RedisError) as error:
        return f"REDIS_URL: has options that cannot be used: {type(error).__name__}; {ESCAPE}"
    if any(seconds is not None and not seconds > 0 for seconds in _timeouts(connection)):
        return "REDIS_URL: a timeout must be positive"
    if hasattr(connection, "ca_certs"):
        try:
            _load_tls_files(connection)
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return f"REDIS_URL: its files for TLS cannot be used: {reason}"
    return None


def _timeouts(connection: Any) -> tuple[float | None, float | None]:
    return connection.socket_timeout, getattr(connection, "socket_connect_timeout", None)


def _load_tls_files(connection: Any) -> None:
    """Load what the client loads before each connection: from files that are not there none is made."""
    context = ssl.create_default_context()
    if connection.ca_certs or connection.ca_path or connection.ca_data:
        context.load_verify_locations(connection.ca_certs, connection.ca_path, connection.ca_data)
    if connection.certfile or connection.keyfile:
        password = connection.certificate_password or ""  # without one OpenSSL would ask the terminal
        context.load_cert_chain(connection.certfile, connection.keyfile, password)
    if connection.ssl_ciphers:
        context.set_ciphers(connection.ssl_ciphers)
