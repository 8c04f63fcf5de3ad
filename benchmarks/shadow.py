"""Cost of a traffic split and of a shadow challenger for callers: ``python -m benchmarks.shadow``.

Requests come at a steady rate well below saturation, at which two predictions simply cost more CPU than one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table
from sklearn.neighbors import KNeighborsClassifier

from app import create_app
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.watcher import SWITCH_INTERVAL
from benchmarks import models, processes
from benchmarks.load import Load
from benchmarks.pace import paced
from benchmarks.servers import HERE, free_port
from config import load_config

MODES = {
    "off": None,
    "canary, 0 %": TrafficSplit("canary", {"compiled": 0.0}),
    "shadow, compiled": TrafficSplit("shadow", {"compiled": 0.0}),
    "shadow, scikit-learn": TrafficSplit("shadow", {"python": 0.0}),
}


@click.command()
@click.option("--rate", default=400, show_default=True, help="Requests a second, over 8 connections.")
@click.option("--seconds", default=5.0, show_default=True, help="Of load for each figure.")
@click.option("--rounds", default=5, show_default=True, help="Of which the medians count.")
@click.option("--workers", default=2, show_default=True, help="Of gunicorn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def main(rate: int, seconds: float, rounds: int, workers: int, as_json: bool) -> None:
    """Measure p50 and p99 over HTTP, and a prediction in process, in each mode of the traffic split."""
    with tempfile.TemporaryDirectory() as folder:
        store, row = prepared(Path(folder))
        os.environ["MODELS_DIR"] = str(store.root)
        found = over_http(store, row, rate, seconds, rounds, workers)
        for mode, microseconds in in_process(store, row).items():
            found[mode]["in_process_us"] = microseconds
    for figures in found.values():
        for name in ("p50_ms", "p99_ms", "in_process_us"):
            figures[f"{name}_ratio"] = round(figures[name] / found["off"][name], 3)
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table("traffic split", *(name.replace("_", " ") for name in found["off"]))
    for mode, figures in found.items():
        table.add_row(mode, *(f"{value:,.3f}" for value in figures.values()))
    Console(width=160).print(table)


def prepared(folder: Path) -> tuple[ModelStore, Any]:
    """Make a store with a champion, an equal, and a challenger without compiled form; and a row."""
    model = models.fit("rf100", folder)
    train = np.load(model.folder / "train.npy")
    store = ModelStore(folder / "store")
    for version in ("champion", "compiled"):
        publish(store, model.pipeline, sample=train, version=version)
    neighbours = KNeighborsClassifier().fit(train, model.pipeline.predict(train))
    publish(store, neighbours, sample=train, version="python")
    store.activate("champion")
    return store, model.rows[:1].tolist()


def over_http(
    store: ModelStore, row: Any, rate: int, seconds: float, rounds: int, workers: int
) -> dict[str, dict[str, float]]:
    """Medians of p50 and p99 in ms by mode; the modes take turns."""
    port = free_port()
    loads: dict[str, list[Load]] = {mode: [] for mode in MODES}
    command = [sys.executable, "-m", "gunicorn", "run:app"]
    settings = {"PORT": str(port), "WORKERS": str(workers), "LOG_LEVEL": "ERROR", "APP_ENV": "testing"}
    server = psutil.Popen(command, cwd=HERE.parent, env=os.environ | settings, start_new_session=True,
                          stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/api/predict"
        body = json.dumps({"features": row[0]}).encode()
        paced(url, body, rate=rate, seconds=2.0)  # until the server is up and warm
        for mode in list(MODES) * rounds:
            store.traffic_split.set(MODES[mode])
            time.sleep(4.0)  # all workers have reloaded, and imported what a challenger needs
            loads[mode].append(paced(url, body, rate=rate, seconds=seconds))
    finally:
        processes.stop(server)
    return {
        mode: {
            "p50_ms": median(load.p50_ms for load in found),
            "p99_ms": median(load.p99_ms for load in found),
            "failures": sum(load.failures for load in found),
        }
        for mode, found in loads.items()
    }


def in_process(store: ModelStore, row: Any, repeats: int = 2000, rounds: int = 7) -> dict[str, float]:
    """Median µs of one `ServedModel.predict` by mode; the modes take turns."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    store.traffic_split.set(None)
    with create_app(load_config("testing")).app_context():
        service = model_manager.served_model
        service.load()
        times: dict[str, list[float]] = {mode: [] for mode in MODES}
        for mode in list(MODES) * rounds:
            store.traffic_split.set(MODES[mode])
            service.poll_traffic_split()
            for number in range(repeats):
                began = time.perf_counter()
                service.predict(row, sticky_key=f"client:{number % 50}")
                times[mode].append(time.perf_counter() - began)
    return {mode: median(found) * 1e6 for mode, found in times.items()}


if __name__ == "__main__":
    main()
