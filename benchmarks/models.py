"""Models that every peer serves, fitted once and pickled."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 42
TITLES = {"rf100": "random forest, 100 trees", "logistic": "logistic regression"}
ESTIMATORS: dict[str, Callable[[], Any]] = {
    "rf100": lambda: RandomForestClassifier(n_estimators=100, random_state=SEED),
    "logistic": lambda: LogisticRegression(random_state=SEED),
}


@dataclass(frozen=True)
class Model:
    """A fitted pipeline on disk.

    ``folder`` holds ``pipeline.pkl``, its two steps as ``scaler.pkl`` and ``model.pkl``, and
    ``train.npy`` and ``rows.npy``, the 800 rows it was fitted on and the 200 held out, float64.
    """

    name: str
    folder: Path

    @cached_property
    def rows(self) -> Any:
        return np.load(self.folder / "rows.npy")

    @cached_property
    def pipeline(self) -> Any:
        return pickle.loads((self.folder / "pipeline.pkl").read_bytes())


def fit(name: str, cache: Path) -> Model:
    """Fit one of `ESTIMATORS` and pickle it, or find it in ``<cache>/models``."""
    model = Model(name, cache / "models" / name)
    if (model.folder / "rows.npy").exists():
        return model
    data, target = make_classification(
        n_samples=1000,
        n_features=20,
        n_informative=15,
        n_redundant=5,
        n_classes=3,
        random_state=SEED,
    )
    train, rows, labels, _ = train_test_split(data, target, test_size=0.2, random_state=SEED)
    pipeline = make_pipeline(StandardScaler(), ESTIMATORS[name]()).fit(train, labels)
    model.folder.mkdir(parents=True, exist_ok=True)
    for part, stem in ((pipeline, "pipeline"), (pipeline[0], "scaler"), (pipeline[-1], "model")):
        # joblib, cloudpickle and so all peers can read a plain pickle.
        (model.folder / f"{stem}.pkl").write_bytes(pickle.dumps(part))
    np.save(model.folder / "train.npy", train)
    np.save(model.folder / "rows.npy", rows)
    return model
