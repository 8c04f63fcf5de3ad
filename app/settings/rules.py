"""Rules for single settings and for several together; config.py has the settings."""

import os
import re
import socket
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from stat import S_ISDIR
from typing import Any
from urllib.parse import urlsplit

from environs import FileAwareEnv, ValidationError

from app.settings.rate_limits import parse_limit
from app.settings.redis_url import redis_fault

YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")
# As browsers send it: no path, no trailing slash, and nothing that could be read as a pattern.
ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]*://([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[(?P<address>[0-9a-f:]+)\])(:[0-9]{1,5})?"
)
# Segments as they stand in a request line; a dot segment or an escape could be written in other ways.
PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)*")
ROUTE = re.compile(rf"{PREFIX.pattern}/?")
Network = IPv4Network | IPv6Network


class Environment(FileAwareEnv):
    """The process's environment variables."""

    def numbered(self, first: str, **options: Any) -> dict[str, str]:
        """All of ``NAME_1``, ``NAME_2``, …, by name; ``first`` is ``NAME_1``, and numbers may be left out."""
        pattern = re.compile(re.escape(first.removesuffix("1")) + r"\d+(?=(_FILE)?$)")
        names = {found[0] for found in map(pattern.match, os.environ) if found}
        return {name: self.str(name, **options) for name in sorted(names)}

    def optional_path(self, name: str) -> Path | None:
        """A path, or None if unset or empty, as Compose files leave a variable that is not set.

        ``~`` at its beginning is a home folder.
        """
        text = self.str(name, "", validate=_home_is_known)
        return Path(text).expanduser() if text and text.strip() else None

    def _get_value(self, env_key: str, default: Any) -> Any:
        """As the library's, but a pipe is not waited for, and what is no text is named and not shown."""
        path = os.environ.get(f"{env_key}_FILE")
        if path and not os.path.isfile(path):
            raise ValueError(f"{env_key}_FILE={path!r}: is no file that can be read")
        try:
            return super()._get_value(env_key, default)
        except UnicodeDecodeError:
            raise ValueError(f"{env_key}_FILE={path!r}: holds no text in UTF-8") from None


def _home_is_known(value: str) -> None:
    try:
        Path(value).expanduser()
    except RuntimeError:
        raise ValidationError(
            "Begins with the home folder of an unknown user; write the whole path."
        ) from None


def origins(values: list[str]) -> None:
    """Reject anything but ``*`` alone, or origins such as ``https://app.example.com:8443``: no patterns."""
    for value in values:
        if value != "*" and not _is_origin(value):
            hint = "write each as scheme://host or scheme://host:port, without patterns."
            raise ValidationError(f"{value!r} is no origin: {hint}")
    if "*" in values and len(values) > 1:
        raise ValidationError("* stands for every origin, and so alone.")


def _is_origin(value: str) -> bool:
    found = ORIGIN.fullmatch(value)
    try:
        address = found and found["address"]
        # A browser writes the shortest form, and origins are compared literally.
        short = not address or str(IPv6Address(address)) == address
        return found is not None and short and urlsplit(value).port != 0
    except ValueError:  # a port beyond 65535, or no address
        return False


def path_prefix(value: str) -> None:
    """Reject a path that no proxy can leave in front of the service's addresses."""
    if not PREFIX.fullmatch(value):
        raise ValidationError(
            "Must be like /ml or /team/ml: no slash at its end, no dot segments, escapes or query."
        )


def is_http(address: str) -> bool:
    """Whether an address is that of an HTTP server."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def route(value: str) -> None:
    """Reject what is neither empty nor the path of a route."""
    if value and not ROUTE.fullmatch(value):
        raise ValidationError("Must be a path like /predict, without a query or escapes.")


def networks(values: list[str]) -> tuple[Network, ...]:
    """The networks that ``METRICS_ALLOW_PRIVATE`` opens: none, or those that it lists; no word for all."""
    values = [value.strip() for value in values]
    word = ",".join(values).lower()
    if word in NO:
        return ()
    if word in YES:
        hint = "name the addresses or networks that scrape, such as 10.0.3.7 or 10.0.3.0/24."
        raise ValidationError(f"{word} would open /metrics to clients of any proxy inside; {hint}")
    try:
        found = tuple(map(ip_network, values))
        if mapped := [str(each) for each in found if getattr(each.network_address, "ipv4_mapped", None)]:
            raise ValueError(f"{mapped[0]} is to be written as one of IPv4")
        return found
    except ValueError as error:
        raise ValidationError(f"Must be false or networks such as 10.0.3.0/24: {error}.") from None


def host_fault(config: Any) -> str | None:
    """Why nothing can listen at ``HOST``, or None; tries a free port: another server does not matter."""
    host = config.HOST
    try:
        family, kind, _, _, (address, *_) = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.bind((address, 0))
    except (OSError, UnicodeError):
        hint = "127.0.0.1 is for callers on it, 0.0.0.0 for all"
        return f"HOST={host!r}: is no address of this machine; {hint}"
    return None


def limits_fault(config: Any) -> str | None:
    """Contradiction between limits, or fault of the store that shares them, or None."""
    if config.MAX_BYTES_IN_FLIGHT < config.MAX_CONTENT_LENGTH:
        return (
            f"MAX_BYTES_IN_FLIGHT={config.MAX_BYTES_IN_FLIGHT}: must have room for a body of"
            f" MAX_CONTENT_LENGTH={config.MAX_CONTENT_LENGTH}"
        )
    if config.REDIS_URL:
        return redis_fault(config.REDIS_URL)
    for name in ("RATE_LIMIT", "RATE_LIMIT_ROWS", "RATE_LIMIT_ADMIN"):
        limit = getattr(config, name)
        if limit and min(window.amount for window in parse_limit(limit).windows) < config.WORKERS:
            return (
                f"{name}={limit!r}: must admit a request to each of WORKERS={config.WORKERS}; "
                "with REDIS_URL they share the limit"
            )
    return None


def store_fault(config: Any) -> str | None:
    """Why nothing can be stored in ``MODELS_DIR``, or None; a missing folder is made later."""
    name = f"MODELS_DIR={str(config.MODELS_DIR)!r}"
    try:
        found = os.stat(config.MODELS_DIR)
    except FileNotFoundError:
        return None
    except OSError as error:  # such as a name that is too long, or a folder above that may not be searched
        return f"{name}: cannot be used: {error.strerror}"
    return None if S_ISDIR(found.st_mode) else f"{name}: is no folder"


def authentication_fault(config: Any) -> str | None:
    """Contradiction between the settings of keys and tokens, or None."""
    if config.API_KEYS_FILE and not config.API_KEY_PEPPER:
        return "API_KEY_PEPPER is not set: the hashes in API_KEYS_FILE are made with it"
    given = {name for name in ("JWT_SECRET", "JWT_PUBLIC_KEY") if getattr(config, name)}
    key = "JWT_SECRET" if config.JWT_ALGORITHM == "HS256" else "JWT_PUBLIC_KEY"
    if given - {key}:
        return f"{(given - {key}).pop()} is set: JWT_ALGORITHM={config.JWT_ALGORITHM} uses {key} alone"
    if given or config.JWT_AUDIENCE or config.JWT_ISSUER:
        for name in (key, "JWT_AUDIENCE", "JWT_ISSUER"):
            if not getattr(config, name):
                return f"{name} is not set: tokens are not accepted without it"
    return None
