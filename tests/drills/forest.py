"""The model of the drills: three columns, on ONNX."""

from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore


def publish_forest(models_dir: Path) -> Path:
    """Save a forest of 100 trees and make it the active version."""
    store = ModelStore(models_dir)
    data = np.random.default_rng(0).uniform(0, 10, (200, 3))
    forest = RandomForestClassifier(n_estimators=100, random_state=0)
    publish(store, forest.fit(data, (data.sum(axis=1) > 15).astype(int)), sample=data, version="forest")
    store.activate("forest")
    return models_dir
