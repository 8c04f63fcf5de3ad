"""Train the sentiment model, save it as a new version of its store and make it the active one."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from app.exceptions import ServiceError
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.training import evaluation
from app.models.training.datasets import DataError
from config import ConfigError
from examples.sentiment_analysis import confusion, dataset, pipeline
from examples.sentiment_analysis.dataset import Split
from examples.sentiment_analysis.explanation import FILE
from examples.sentiment_analysis.settings import load_settings

PICTURE = "confusion_matrix.png"

console = Console()


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="A .csv file; by default the bundled sentences."
)
@click.option("--text", default="text", show_default=True, help="The column of --data with the sentences.")
@click.option("--label", default="label", show_default=True, help="The column of --data with their classes.")
@click.option("--version", help="Name of the new version; by default the UTC time.")
def main(data: Path | None, text: str, label: str, version: str | None) -> None:
    """Train on four fifths of the sentences, measure on the rest, and save the result to the store.

    Sentences that are the same but for spelling count once, so that none is in both parts.
    """
    try:
        store = ModelStore(load_settings().MODELS_DIR)
        table = dataset.read(data or dataset.BUNDLED, text=text, label=label)
        split = _split(table)
        model, metrics, files = fit(split)
        metadata = {"metrics": metrics, "dataset": (data or dataset.BUNDLED).name}
        with console.status("certifying engines…"):
            saved = publish(store, model, None, metadata, sample=sample(split), version=version, files=files)
        store.activate(saved)
    except (ConfigError, DataError, ServiceError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    _say_what_was_saved(store, saved)


def _split(table: Any) -> Split:
    unique = dataset.without_duplicates(table)
    console.print(f"{len(table):,} sentences, {len(table) - len(unique):,} of them repeated and left out")
    return dataset.split(unique)


def fit(split: Split) -> tuple[Any, dict[str, float], dict[str, bytes]]:
    """The fitted pipeline, its metrics on the part held out, and the files that go with it."""
    with console.status("fitting…"):
        model = pipeline.build(split.train_labels).fit(split.train_texts, split.train_labels)
        predicted = model.predict(split.test_texts).tolist()
    metrics = evaluation.metrics("classification", split.test_labels, predicted)
    console.print(evaluation.report("classification", split.test_labels, predicted), highlight=False)
    for metric, value in metrics.items():
        console.print(f"{metric}: [bold]{value:.4f}[/]")
    picture = confusion.picture(split.test_labels, predicted, model.classes_.tolist())
    return model, metrics, {FILE: pipeline.explanation_file(model), PICTURE: picture}


def sample(split: Split) -> Any:
    """The training texts as the service takes them: object array (n,)."""
    return np.array(split.train_texts, dtype=object)


def _say_what_was_saved(store: ModelStore, version: str) -> None:
    metadata = store.metadata(version)
    times = metadata["certificates"][metadata["engine"]]["median_us"]
    speed = f"{times['1']:.0f} µs for 1 text, {times['100']:.0f} for 100"
    console.print(f"Serves on: [bold]{metadata['engine']}[/], {speed}")
    console.print(f"Saved [bold green]{version}[/] in {store.root} with its {PICTURE}, active")


if __name__ == "__main__":
    main()
