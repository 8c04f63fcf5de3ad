"""Time of explained answers: ``python -m benchmarks.explanations``."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import click
from rich.console import Console
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from app.models.loading.loader import LoadingOptions
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.serving.served_model import ServedModel
from benchmarks.table import new_table

TREES, DEPTH, COLUMNS = 100, 10, 20


def models() -> dict[str, Any]:
    """Estimators by name, not fitted."""
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    return {
        "random forest": RandomForestClassifier(TREES, max_depth=DEPTH, random_state=0),
        "histogram boosting": HistGradientBoostingClassifier(
            max_iter=TREES, max_depth=DEPTH, max_leaf_nodes=None
        ),
        "LightGBM": LGBMClassifier(n_estimators=TREES, max_depth=DEPTH, num_leaves=2**DEPTH - 1, verbose=-1),
        "XGBoost": XGBClassifier(n_estimators=TREES, max_depth=DEPTH),
        "logistic regression": LogisticRegression(max_iter=500),
    }


@click.command()
@click.option("--rows", default=100, help="How many rows are timed one by one.")
def main(rows: int) -> None:
    """Print the milliseconds of the first explained row and the median of others, with and without."""
    table = new_table(f"{TREES} trees of depth {DEPTH}, {COLUMNS} columns: ms per row")
    for heading in ("model", "classes", "first", "explained", "plain"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for classes in (2, 3):
        data, target = make_classification(
            5_000, COLUMNS, n_informative=10, n_classes=classes, random_state=0
        )
        for name, model in models().items():
            with tempfile.TemporaryDirectory() as folder:
                store = ModelStore(Path(folder))
                publish(store, model.fit(data, target), sample=data[:1_000], version="v1")
                served = ServedModel(store, LoadingOptions())
                served.load("v1")

                def explained(row: Any, served: ServedModel = served) -> None:
                    served.predict(row, explain=5)

                first = milliseconds(explained, data[:1])
                figures = (
                    first,
                    milliseconds(explained, data[:rows]),
                    milliseconds(served.predict, data[:rows]),
                )
                table.add_row(name, str(classes), *(f"{figure:,.2f}" for figure in figures))
    Console().print(table)


def milliseconds(call: Callable[[Any], Any], rows: Any) -> float:
    """The median of calls with one row each."""
    times = []
    for row in range(len(rows)):
        started = perf_counter()
        call(rows[row : row + 1])
        times.append(perf_counter() - started)
    return median(times) * 1e3


if __name__ == "__main__":
    main()
