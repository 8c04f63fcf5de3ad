"""Run in MLflow's environment: ``log_models.py folders FOLDER``, ``register NAME`` or ``alias NAME 2``."""

import sys
from pathlib import Path

import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

BOXES = pd.DataFrame([[0.0, 0.0, 0.0], [10.0, 10.0, 10.0]] * 30, columns=["height", "width", "depth"])
SIZE = np.array([0, 1] * 30)
ALIAS = "champion"


def folders(folder):
    """A folder for each form; ``named`` ones have a signature and five rows."""
    model = LogisticRegression().fit(BOXES, SIZE)
    named = {"signature": infer_signature(BOXES, SIZE), "input_example": BOXES.head(), "pip_requirements": []}
    for form in ("skops", "pickle", "cloudpickle"):
        mlflow.sklearn.save_model(model, str(folder / form), serialization_format=form, **named)
    mlflow.sklearn.save_model(model, str(folder / "bare"), pip_requirements=[])
    of_arrays = LogisticRegression().fit(BOXES.to_numpy(), SIZE)
    rows = BOXES.to_numpy()[:2]
    mlflow.sklearn.save_model(of_arrays, str(folder / "arrays"), input_example=rows, pip_requirements=[])
    boosted = xgboost.XGBClassifier(n_estimators=3).fit(BOXES, SIZE)
    mlflow.xgboost.save_model(boosted, str(folder / "xgboost"), **named)
    light = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1).fit(BOXES, SIZE)
    mlflow.lightgbm.save_model(light, str(folder / "lightgbm"), **named)
    mlflow.lightgbm.save_model(light.booster_, str(folder / "booster"), **named)


def register(name, form="skops"):
    """One more version of a registered model."""
    model = LogisticRegression().fit(BOXES, SIZE)
    options = {"input_example": BOXES.head(), "registered_model_name": name, "pip_requirements": []}
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", serialization_format=form, **options)


def main(task, *arguments):
    if task == "folders":
        folders(Path(*arguments))
    elif task == "register":
        register(*arguments)
    else:
        mlflow.MlflowClient().set_registered_model_alias(arguments[0], ALIAS, arguments[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
