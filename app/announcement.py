"""Messages of a server that has started: notices about settings, addresses, an example request."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app.models.repository.store import ModelStore
from config import Config

log = logging.getLogger(__name__)


def log_notices(settings: Config) -> None:
    """Log the notices about the settings; called once, by the process that starts the workers."""
    for notice in settings.notices():
        log.warning(notice)


def announce(settings: Config, addresses: Sequence[str]) -> None:
    """Print the addresses of the service and an example request.

    :param addresses: URLs, and names of Unix sockets.
    """
    print(f"\n  Serving on {', '.join(addresses)}", flush=True)
    with suppress(Exception):  # the example is optional, and loading reports a damaged store
        url = next(address for address in addresses if "://" in address)
        if command := example_request(ModelStore(settings.MODELS_DIR), url):
            print(f"  Try it:\n\n{command}\n", flush=True)


def example_request(store: ModelStore, address: str) -> str | None:
    """Make a curl command that predicts a golden row of the active version; None without a version."""
    version = store.active() or next(iter(store.versions()), None)
    if version is None:
        return None
    metadata = store.metadata(version)
    values = [_short(value) for value in metadata["golden"]["rows"][0]]
    body = json.dumps({"features": dict(zip(metadata["feature_names"], values, strict=True))})
    quoted = body.replace("'", "'\\''")
    return f"curl {address}/api/predict -H 'Content-Type: application/json' \\\n  -d '{quoted}'"


def _short(value: Any) -> Any:
    return (int(value) if value.is_integer() else round(value, 4)) if isinstance(value, float) else value
