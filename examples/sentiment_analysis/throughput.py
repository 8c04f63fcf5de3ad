"""Load on this example's service and on the tutorial's, in turn on the same machine."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.error import URLError

import joblib
import psutil

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from benchmarks import processes
from benchmarks.client import Client
from benchmarks.servers import ONE_THREAD, free_port
from config import ROOT
from examples.sentiment_analysis import pipeline
from examples.sentiment_analysis.dataset import Split
from examples.sentiment_analysis.explanation import FILE
from examples.sentiment_analysis.train_sentiment_model import sample
from examples.sentiment_analysis.tutorial import model as tutorial

WORKERS = 2
CONNECTIONS = 16
HEADERS: dict[str, str] = {}  # neither service asks for a key here
PATIENCE = 60.0
OURS, TUTORIAL = "this example", "tutorial"
PACKAGE = "examples.sentiment_analysis"
COMMANDS = {
    OURS: [f"{PACKAGE}.sentiment_api:app"],
    TUTORIAL: [
        *("-c", os.devnull, "--bind", "127.0.0.1:{port}", "--workers", str(WORKERS)),
        *("--worker-class", "sync", f"{PACKAGE}.tutorial.service:app"),
    ],
}


def race(parts: Split, *, seconds: float, rounds: int) -> None:
    """Measure both with 1 and 100 texts a request, and print requests per second and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = _prepare(folder, parts)
        for size in (1, 100):
            path, bodies = _bodies(folder, parts.test_texts, size)
            rates: dict[str, list[float]] = {OURS: [], TUTORIAL: []}
            for _ in range(rounds):
                for server, seen in rates.items():
                    seen.append(_measure(server, variables, path, bodies, seconds))
            ours, theirs = (median(rates[server]) for server in (OURS, TUTORIAL))
            print(f"{size:4} texts: {ours:8.0f} against {theirs:6.0f} requests/s, {ours / theirs:.1f} times")


def _prepare(folder: Path, parts: Split) -> dict[str, str]:
    """Train both models; returns the environment of both servers."""
    model = pipeline.build(parts.train_labels).fit(parts.train_texts, parts.train_labels)
    store = ModelStore(folder / "store")
    files = {FILE: pipeline.explanation_file(model)}
    store.activate(publish(store, model, sample=sample(parts), files=files))
    other = tutorial.build().fit([tutorial.clean(text) for text in parts.train_texts], parts.train_labels)
    joblib.dump(other, folder / "tutorial.pkl")
    return {
        "APP_ENV": "production",
        "AUTH_DISABLED": "true",
        "RATE_LIMIT": "",
        "LOG_LEVEL": "WARNING",
        "WORKERS": str(WORKERS),
        "MODELS_DIR": str(store.root),
        "TUTORIAL_MODEL": str(folder / "tutorial.pkl"),
    }


def _bodies(folder: Path, texts: list[str], size: int) -> tuple[str, Path]:
    """The path, and a file with the bodies, each with other texts."""
    starts = range(0, min(len(texts) - size, 64 * size) + 1, size)
    documents: list[dict[str, object]]
    if size == 1:
        path, documents = "/analyze", [{"text": texts[start]} for start in starts]
    else:
        path, documents = "/analyze/batch", [{"texts": texts[start : start + size]} for start in starts]
    file = folder / f"bodies-{size}.txt"
    file.write_text("\n".join(map(json.dumps, documents)))
    return path, file


def _measure(server: str, variables: dict[str, str], path: str, bodies: Path, seconds: float) -> float:
    first = bodies.read_bytes().partition(b"\n")[0]
    with _running(server, variables, path, first) as url:
        Client().run(url, bodies, headers=HEADERS, connections=CONNECTIONS, seconds=1.0)
        load = Client().run(url, bodies, headers=HEADERS, connections=CONNECTIONS, seconds=seconds)
    if load.failures:
        raise RuntimeError(f"{load.failures} of {load.requests} requests failed")
    print(f"  {server:14} {load.requests_per_second:8.0f} requests/s, p50 {load.p50_ms:.1f} ms", flush=True)
    return load.requests_per_second


@contextmanager
def _running(server: str, variables: dict[str, str], path: str, body: bytes) -> Iterator[str]:
    """The URL of a server that has answered one request."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", *(part.format(port=port) for part in COMMANDS[server])]
    environment = os.environ | ONE_THREAD | variables | {"PORT": str(port)}
    process = psutil.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}{path}"
        _wait_for_answer(url, body)
        yield url
    finally:
        processes.stop(process)


def _wait_for_answer(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(request, timeout=PATIENCE).read()
            return
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
