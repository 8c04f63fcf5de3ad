"""Schemathesis against a service of one model: the store, the server, the command, and what it found."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.pages.openapi.schema_parts import NOTHING
from tests.clients.environments import python_of
from tests.dialects.models import Brought
from tests.dialects.rows import (
    CannotSay,
    Rows,
    arrow_file,
    arrow_stream,
    csv_with_header,
    ndjson,
    npy,
    parquet,
)
from tests.services import Service, gunicorn

BODIES: Mapping[str, Callable[[Rows], bytes]] = {
    "text/csv": csv_with_header,
    "application/x-ndjson": ndjson,
    "application/vnd.apache.parquet": parquet,
    "application/vnd.apache.arrow.stream": arrow_stream,
    "application/vnd.apache.arrow.file": arrow_file,
    "application/x-npy": npy,
}
ENVIRONMENT = "openapi"
PINS = ("openapi-python-client==0.29.1", "schemathesis==4.32.5")
HOOKS = Path(__file__).with_name("hooks.py")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
KEY = "valid-battery-staple-7731"
HEADER = {"X-API-Key": KEY}
GENERATED = re.compile(r"([\d,]+) generated")
# Every request has a key with all scopes; a wrong one, which is tried often, may be tried again.
SETTINGS = {
    "API_KEY_1": KEY,
    "API_KEY_SCOPES": "predict,admin,metrics",
    "AUTH_FAILURE_LIMIT": "1000000/second",
    "AIP_HEALTH_ROUTE": "/vertex/health",
    "AIP_PREDICT_ROUTE": "/vertex/predict",
    "WORKERS": 1,
    "LOG_LEVEL": "ERROR",
}
# Routes for which the model has no answer take no body, so that none can be drawn: the document says so by a
# schema that nothing satisfies. They are judged with models that answer.
UNANSWERED = {"ClassifiedRows": ":classify$", "RegressedRows": ":regress$"}


@dataclass(frozen=True)
class Run:
    """What schemathesis said, how many cases it sent, and whether all checks passed."""

    output: str
    cases: int
    passed: bool


def stored(brought: Brought, folder: Path) -> ModelStore:
    """A store with two equal versions, of which the first is active: one may be removed, or activated."""
    store = ModelStore(folder / "models")
    for version in ("v1", "v2"):
        publish(store, brought.model, sample=brought.sample, version=version)
    store.activate("v1")
    return store


def serving(folder: Path, **variables: object) -> Any:
    """The service on the store in ``folder``."""
    return gunicorn(folder, **{**SETTINGS, "MODELS_DIR": folder / "models", **variables})


def write_tables(brought: Brought, folder: Path) -> Path:
    """A valid body in each format that has the model's rows, in files by media type."""
    folder.mkdir(exist_ok=True)
    few = replace(brought.rows, cells=brought.rows.cells[:3])
    for media_type, encode in BODIES.items():
        with suppress(CannotSay):
            (folder / media_type.replace("/", "_")).write_bytes(encode(few))
    return folder


def schemathesis(service: Service, tables: Path, *, examples: int, options: Sequence[str] = ()) -> Run:
    """All checks, and all phases, by the document that the service itself gives.

    :param examples: cases of each operation that are drawn at random, besides those of the other phases.
    """
    python = python_of(ENVIRONMENT, PINS)
    command = [python, "-m", "schemathesis.cli", "--config-file", CONFIGURATION]
    command += ["run", f"{service.address}/api/openapi.json"]
    command += ["--header", f"X-API-Key: {KEY}", "--max-examples", str(examples), "--checks", "all"]
    for component, path in UNANSWERED.items():
        if (
            service.get("/api/openapi.json", headers=HEADER).json()["components"]["schemas"][component]
            == NOTHING
        ):
            command += ["--exclude-path-regex", path]
    command += ["--continue-on-failure", "--no-color", "--generation-database", "none", *options]
    variables = os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS), "TABLES": str(tables)}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tables)
    found = GENERATED.search(done.stdout)
    return Run(
        done.stdout + done.stderr, int(found[1].replace(",", "")) if found else 0, done.returncode == 0
    )
