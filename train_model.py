"""Train a model, save it as a new version in the store and make it the active one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging import NullHandler, getLogger
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn

import click
from rich.console import Console

from app.cli.steps import Step, steps
from app.exceptions import ServiceError, VersionRefused
from app.models.repository import atomic_files
from app.models.repository.store import ModelStore
from config import Config, ConfigError, load_config

console = Console()

# Held while the first version is trained; apart from the store's own lock, which is needed to activate it.
TRAINING_LOCK = ".training.lock"

EPILOG = """\b
Examples:
  python train_model.py
  python train_model.py --dataset wine --estimator LogisticRegression --param C=0.5
  python train_model.py --data people.csv --target income --estimator HistGradientBoostingClassifier
"""


@click.command(epilog=EPILOG)
@click.option(
    "--dataset",
    default="synthetic",
    show_default=True,
    help="A bundled data set: synthetic, iris, wine, breast-cancer, digits or diabetes.",
)
@click.option("--data", type=click.Path(path_type=Path), help="A .csv or .parquet file with a header.")
@click.option("--target", help="The column of --data to predict.")
@click.option(
    "--estimator",
    help="Class name of any scikit-learn classifier or regressor; by default a "
    "random forest of the kind that the target needs.",
)
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the estimator; may be repeated.",
)
@click.option("--version", help="Name of the new version; by default the UTC time.")
@click.option(
    "--if-empty",
    is_flag=True,
    help="Do nothing if the store has a version already; of several processes one trains, the others wait.",
)
@click.option(
    "--activate/--no-activate",
    default=True,
    show_default=True,
    help="Make the new version the one that serves.",
)
def main(
    dataset: str,
    data: Path | None,
    target: str | None,
    estimator: str | None,
    parameters: tuple[str, ...],
    version: str | None,
    activate: bool,
    if_empty: bool,
) -> None:
    """Train a model, measure it on a fifth of the rows held out, and save it to the store.

    Columns that are numbers are scaled, others one-hot encoded, missing values imputed; all of it is
    part of what is saved, so that callers send the raw columns.
    """
    options = (dataset, data, target, estimator, parameters, version)
    try:
        config = load_config()
        store = ModelStore(config.MODELS_DIR)
        if not if_empty:
            _train_and_activate(store, config, options, activate=activate, failure=2)
        elif not store.versions():
            with atomic_files.locked(store.root, TRAINING_LOCK):
                if not store.versions():  # what starts after this may serve once the version is signed
                    _train_and_activate(store, config, options, activate=activate, failure=0)
    except (ConfigError, ServiceError, OSError) as error:
        _fail(error)


def _train_and_activate(
    store: ModelStore, config: Config, options: tuple[Any, ...], *, activate: bool, failure: int
) -> None:
    """:param failure: exit status if the new version would not load, so that it is not activated."""
    with console.status("Loading scikit-learn…"):
        from app.models.loading.loader import loading_options
        from app.models.serving import operations
        from app.models.serving.served_model import ServedModel

    served_model = ServedModel(store, loading_options(vars(config)))
    saved = _train(store, *options)
    reason = None
    if activate:
        getLogger("app.models.serving").addHandler(NullHandler())  # a rejection is printed below
        try:
            with step("activating"):
                operations.activate(served_model, saved)
        except VersionRefused as error:
            reason = error.details["reason"]
    console.print(f"Serves on: [bold]{store.metadata(saved)['engine']}[/]")
    state = ", active" if activate and not reason else ""
    console.print(f"Saved [bold green]{saved}[/] in {store.root}{state}")
    if reason:
        click.echo(f"Error: {saved} is not active: {reason}", err=True)
        sys.exit(failure)


def _train(
    store: ModelStore,
    dataset: str,
    data: Path | None,
    target: str | None,
    estimator: str | None,
    parameters: tuple[str, ...],
    version: str | None,
) -> str:
    with console.status("Loading scikit-learn…"):
        from app.models.publishing import publish
        from app.models.training import datasets, estimators, fitting

    try:
        if version is not None:
            store.check_free(version)
        with step("data"):
            source = _load(datasets, dataset, data, target)
        name = estimator or estimators.DEFAULT[source.task]
        unfitted = estimators.build(name, estimators.parse_parameters(parameters))
        source = _for_task(source, estimators.task_of(unfitted))
        rows, columns = source.features.shape
        console.print(f"[bold]{source.name}[/]: {rows:,} rows, {columns} features, {source.task}")
        if source.left_out:
            console.print(_left_out(source.left_out, target))
        with step(f"fitting {name}") as say:
            fitted = fitting.fit(source, unfitted, advance=lambda share: say("trees", share))
        console.print(fitted.report, highlight=False)
        for metric, value in fitted.metrics.items():
            console.print(f"{metric}: [bold]{value:.4f}[/]")
        metadata = {
            "metrics": fitted.metrics,
            **fitted.evidence,
            "dataset": source.name,
            "rows_without_target": len(source.left_out),
        }
        with step("certifying engines") as report:
            return publish.publish(
                store,
                fitted.model,
                fitted.scaler,
                metadata,
                sample=fitted.sample,
                version=version,
                report=report,
            )
    except (datasets.DataError, ServiceError, OSError) as error:
        _fail(error)
    except Exception as error:  # a file or an estimator may hold what nobody thought of
        _fail(RuntimeError(f"{type(error).__name__}: {error}"))


def _left_out(rows: list[int], target: str | None) -> str:
    """A line on rows that are not used, the first of them by number."""
    named = ", ".join(map(str, rows[:10])) + (", …" if len(rows) > 10 else "")
    return f"[yellow]{len(rows):,} rows without a {target!r} are left out: row {named}[/]"


def _fail(error: Exception) -> NoReturn:
    reasons = "; ".join(e["reason"] for e in getattr(error, "details", {}).get("errors", ()))
    click.echo(f"Error: {error}{f': {reasons}' if reasons else ''}", err=True)
    sys.exit(2)


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show that a step is under way, and how long it took if that was noticeable.

    The function it yields shows which part of the step is under way.
    """
    started = perf_counter()
    with steps(title, console) as say:
        yield lambda part, share=None: say(f"{title}: {part}", share)
    if (seconds := perf_counter() - started) > 1:
        console.print(f"[dim]{title}: {seconds:.1f} s[/]")


def _load(datasets: Any, dataset: str, data: Path | None, target: str | None) -> Any:
    if data is not None:
        if target is None:
            raise datasets.DataError("--data needs --target, the column to predict")
        return datasets.from_file(data, target)
    if target is not None:
        raise datasets.DataError("--target goes with --data")
    if dataset not in datasets.NAMES:
        known = ", ".join(datasets.NAMES)
        raise datasets.DataError(f"unknown dataset {dataset!r}; known are {known}")
    return datasets.bundled(dataset)


def _for_task(source: Any, task: str) -> Any:
    """The data with the target read as the estimator needs it."""
    from dataclasses import replace

    return replace(source, task=task)


if __name__ == "__main__":
    main()
