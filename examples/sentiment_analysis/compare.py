"""The figures of this example's README: quality by choice, and throughput beside the tutorial's service.

``python -m examples.sentiment_analysis.compare quality``, or ``throughput``; both take ``--data FILE.csv``.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from app.models.training import evaluation
from examples.sentiment_analysis import dataset, pipeline
from examples.sentiment_analysis.pipeline import CLASSIFY, CLEAN, COUNT
from examples.sentiment_analysis.throughput import race
from examples.sentiment_analysis.tutorial import model as tutorial

FOLDS = 5
# Each line adds one choice to those above it, from the tutorial's to this example's.
CHOICES: dict[str, dict[str, Any]] = {
    "no stop words": {f"{COUNT}__stop_words": None},
    "negations marked": {f"{CLEAN}__negations": True},
    "endings cut off": {f"{CLEAN}__stems": True},
    "words of one letter": {f"{COUNT}__token_pattern": pipeline.WORDS},
    "20,000 terms": {f"{COUNT}__max_features": pipeline.MAX_TERMS},
    "weaker regularisation": {f"{CLASSIFY}__C": 2.0},
    "rare classes weigh more": {f"{CLASSIFY}__class_weight": "own"},
}
TUTORIAL = {
    f"{CLEAN}__negations": False,
    f"{CLEAN}__stems": False,
    f"{COUNT}__stop_words": "english",
    f"{COUNT}__token_pattern": r"(?u)\b\w\w+\b",
    f"{COUNT}__max_features": 5000,
    f"{CLASSIFY}__C": 1.0,
    f"{CLASSIFY}__class_weight": None,
}

data_option = click.option("--data", type=click.Path(path_type=Path), default=dataset.BUNDLED)


@click.group()
def main() -> None:
    """Measure this example."""


@main.command()
@data_option
@click.option("--text", default="text")
@click.option("--label", default="label")
def quality(data: Path, text: str, label: str) -> None:
    """Accuracy and macro-F1: on the fifth held out, and of each choice by cross-validation on the rest."""
    parts = dataset.split(dataset.without_duplicates(dataset.read(data, text=text, label=label)))
    print(f"held out: {len(parts.test_texts)} of {len(parts.test_texts) + len(parts.train_texts)}")
    for name, model in baselines(parts.train_labels):
        model.fit(parts.train_texts, parts.train_labels)
        show(name, evaluation.metrics("classification", parts.test_labels, model.predict(parts.test_texts)))
    print(f"\n{FOLDS}-fold cross-validation on the training part, each choice on top of those above")
    for name, settings in steps():
        show(name, cross_validated(settings, parts.train_texts, parts.train_labels))


@main.command()
@data_option
@click.option("--text", default="text")
@click.option("--label", default="label")
@click.option("--seconds", default=3.0)
@click.option("--rounds", default=3)
def throughput(data: Path, text: str, label: str, seconds: float, rounds: int) -> None:
    """Requests per second of both services, turn by turn, with 1 and 100 texts a request."""
    parts = dataset.split(dataset.without_duplicates(dataset.read(data, text=text, label=label)))
    race(parts, seconds=seconds, rounds=rounds)


def baselines(labels: list[str]) -> Iterator[tuple[str, Any]]:
    """The models compared, not fitted."""
    yield f"majority class ({Counter(labels).most_common(1)[0][0]})", DummyClassifier()
    yield "the tutorial's pipeline", make_pipeline(FunctionTransformer(_cleaned), *_steps(tutorial.build()))
    yield "this example", pipeline.build(labels)


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each choice with the parameters that hold from it on."""
    settings = dict(TUTORIAL)
    yield "as in the tutorial", settings
    for name, choice in CHOICES.items():
        settings = settings | choice
        yield name, settings


def cross_validated(settings: dict[str, Any], texts: list[str], labels: list[str]) -> dict[str, float]:
    """The mean of each metric over the folds."""
    all_texts, all_labels = np.array(texts, dtype=object), np.array(labels, dtype=object)
    found = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(all_texts, all_labels):
        model = pipeline.build(all_labels[train].tolist())
        own = {f"{CLASSIFY}__class_weight": model[CLASSIFY].class_weight}
        model.set_params(**settings | (own if settings[f"{CLASSIFY}__class_weight"] == "own" else {}))
        model.fit(all_texts[train], all_labels[train])
        found.append(evaluation.metrics("classification", all_labels[test], model.predict(all_texts[test])))
    return {metric: float(np.mean([fold[metric] for fold in found])) for metric in found[0]}


def show(name: str, metrics: dict[str, float]) -> None:
    """One line of a table."""
    print(f"{name:34} accuracy {metrics['accuracy']:.3f}  macro-F1 {metrics['f1_macro']:.3f}")


def _steps(model: Any) -> list[Any]:
    return [step for _, step in model.steps]


def _cleaned(texts: list[str]) -> list[str]:
    return [tutorial.clean(text) for text in texts]


if __name__ == "__main__":
    main()
