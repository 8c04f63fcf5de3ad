"""Steps of a client: each is tried, and one that raises does not hide what the others got."""

import asyncio
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

given: dict[str, Any] = json.load(sys.stdin)


def run(steps: Mapping[str, Callable[[], Any]]) -> None:
    """Print as the last line what each function, or its coroutine, returns or raises, by its name."""
    # One loop for all: a client of httpx belongs to the one in which it first asks.
    loop, found = asyncio.new_event_loop(), {}
    for name, function in steps.items():
        try:
            value = function()
            found[name] = loop.run_until_complete(value) if inspect.isawaitable(value) else value
        except Exception as error:
            found[name] = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))
