"""Put the benchmark's model into a store for the service: ``publish MODEL_FOLDER STORE_FOLDER``."""

import shutil
import sys
from pathlib import Path

import joblib
import numpy as np

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore


def main(source: Path, target: Path) -> None:
    """Publish and activate ``model.pkl`` and ``scaler.pkl`` to a store that is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    store = ModelStore(target)
    model, scaler = (joblib.load(source / name) for name in ("model.pkl", "scaler.pkl"))
    store.activate(publish(store, model, scaler, sample=np.load(source / "train.npy")))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
