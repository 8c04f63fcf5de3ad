"""Fitted models of XGBoost, LightGBM and CatBoost, small, by what is particular about them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")
catboost = pytest.importorskip("catboost")

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(400, 5))
ROWS[GENERATOR.random(ROWS.shape) < 0.05] = np.nan
FILLED = np.round(np.nan_to_num(ROWS))
NUMBERS = np.nan_to_num(ROWS[:, 0]) * 2 + np.nan_to_num(ROWS[:, 1]) ** 2
BINARY = (NUMBERS > 0.8).astype(int)
SEVERAL = np.digitize(NUMBERS, [0.0, 1.5])
TEXTS = np.array(["low", "middle", "high"])[SEVERAL]
COUNTS = GENERATOR.poisson(np.exp(np.clip(NUMBERS, -1, 2)))
RANKS = np.clip(COUNTS, 0, 3)
FRAME = pd.DataFrame(ROWS[:, :2], columns=["height", "width"])
FRAME["city"] = pd.Categorical(GENERATOR.choice(list("xyzuvw"), 400))
FRAME["count"] = COUNTS
FRAME["grade"] = pd.Categorical(GENERATOR.choice(list("abc"), 400), categories=list("cba"))
FRAME.loc[GENERATOR.random(400) < 0.05, "city"] = np.nan
BY_CITY = (FRAME["city"].isin(["x", "z"]) ^ (FRAME["grade"] == "b")).astype(int)


def _xgb(kind: str = "Classifier", **options: Any) -> Any:
    return getattr(xgboost, f"XGB{kind}")(**{"n_estimators": 12, "max_depth": 4, **options})


def _lgbm(kind: str = "Classifier", **options: Any) -> Any:
    settings = {"n_estimators": 12, "num_leaves": 9, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
    return getattr(lightgbm, f"LGBM{kind}")(**{**settings, **options})


def _cat(kind: str = "Classifier", **options: Any) -> Any:
    settings = {"iterations": 12, "depth": 3, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    return getattr(catboost, f"CatBoost{kind}")(**{**settings, **options})


SPARSE = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
XGB_STOPPING = {"eval_set": [(ROWS[300:], BINARY[300:])], "verbose": False}
LGBM_STOPPING = {"eval_X": ROWS[300:], "eval_y": BINARY[300:]}

# By name: the model, and the sample that it takes.
MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "xgboost, two classes": lambda: (_xgb().fit(ROWS, BINARY), ROWS),
    "xgboost, several classes": lambda: (_xgb().fit(ROWS, SEVERAL), ROWS),
    "xgboost, numbers": lambda: (_xgb("Regressor").fit(ROWS, NUMBERS), ROWS),
    "xgboost, logistic numbers": lambda: (
        _xgb("Regressor", objective="reg:logistic").fit(ROWS, BINARY * 0.8 + 0.1),
        ROWS,
    ),
    "xgboost, counts": lambda: (_xgb("Regressor", objective="count:poisson").fit(ROWS, COUNTS), ROWS),
    "xgboost, quantiles": lambda: (
        _xgb("Regressor", objective="reg:quantileerror", quantile_alpha=[0.1, 0.9]).fit(ROWS, NUMBERS),
        ROWS,
    ),
    "xgboost, several targets": lambda: (
        _xgb("Regressor").fit(ROWS, np.column_stack([NUMBERS, COUNTS])),
        ROWS,
    ),
    "xgboost, ranks": lambda: (_xgb("Ranker").fit(ROWS, RANKS, qid=np.repeat(range(20), 20)), ROWS),
    "xgboost, dart": lambda: (_xgb(booster="dart", rate_drop=0.4).fit(ROWS, BINARY), ROWS),
    "xgboost, forest": lambda: (_xgb("RFClassifier").fit(ROWS, SEVERAL), ROWS),
    "xgboost, parallel trees": lambda: (_xgb(num_parallel_tree=3).fit(ROWS, SEVERAL), ROWS),
    "xgboost, zeros missing": lambda: (_xgb(missing=0.0).fit(FILLED, BINARY), FILLED),
    "xgboost, stopped early": lambda: (
        _xgb(n_estimators=60, early_stopping_rounds=2).fit(ROWS[:300], BINARY[:300], **XGB_STOPPING),
        ROWS,
    ),
    "xgboost, sets of categories": lambda: (
        _xgb(enable_categorical=True, max_cat_to_onehot=1).fit(FRAME, BY_CITY),
        FRAME,
    ),
    "xgboost, single categories": lambda: (_xgb(enable_categorical=True).fit(FRAME, BY_CITY), FRAME),
    "xgboost, bare": lambda: (
        xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(ROWS, SEVERAL), 8),
        ROWS,
    ),
    "lightgbm, two classes": lambda: (_lgbm().fit(ROWS, BINARY), ROWS),
    "lightgbm, several classes": lambda: (_lgbm().fit(ROWS, TEXTS), ROWS),
    "lightgbm, no missing values": lambda: (_lgbm().fit(FILLED, BINARY), FILLED),
    "lightgbm, numbers": lambda: (_lgbm("Regressor").fit(ROWS, NUMBERS), ROWS),
    "lightgbm, square roots": lambda: (_lgbm("Regressor", reg_sqrt=True).fit(ROWS, NUMBERS), ROWS),
    "lightgbm, counts": lambda: (_lgbm("Regressor", objective="poisson").fit(ROWS, COUNTS), ROWS),
    "lightgbm, quantile": lambda: (
        _lgbm("Regressor", objective="quantile", alpha=0.9).fit(ROWS, NUMBERS),
        ROWS,
    ),
    "lightgbm, ranks": lambda: (_lgbm("Ranker").fit(ROWS, RANKS, group=[20] * 20), ROWS),
    "lightgbm, dart": lambda: (_lgbm(boosting_type="dart").fit(ROWS, BINARY), ROWS),
    "lightgbm, forest": lambda: (_lgbm(**SPARSE).fit(ROWS, BINARY), ROWS),
    "lightgbm, zeros missing": lambda: (_lgbm(zero_as_missing=True).fit(FILLED, BINARY), FILLED),
    "lightgbm, stopped early": lambda: (
        _lgbm(n_estimators=60, early_stopping_round=2).fit(ROWS[:300], BINARY[:300], **LGBM_STOPPING),
        ROWS,
    ),
    "lightgbm, categories": lambda: (_lgbm(min_data_per_group=5).fit(FRAME, BY_CITY), FRAME),
    "lightgbm, bare": lambda: (
        lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(ROWS, BINARY), 8),
        ROWS,
    ),
    "catboost, two classes": lambda: (_cat().fit(ROWS, BINARY), ROWS),
    "catboost, several classes": lambda: (_cat().fit(ROWS, TEXTS), ROWS),
    "catboost, missing is large": lambda: (_cat(nan_mode="Max").fit(ROWS, BINARY), ROWS),
    "catboost, trees that grow by leaves": lambda: (_cat(grow_policy="Lossguide").fit(ROWS, SEVERAL), ROWS),
    "catboost, numbers": lambda: (_cat("Regressor").fit(ROWS, NUMBERS), ROWS),
    "catboost, counts": lambda: (_cat("Regressor", loss_function="Poisson").fit(ROWS, COUNTS), ROWS),
    "catboost, several targets": lambda: (
        _cat("Regressor", loss_function="MultiRMSE").fit(ROWS, np.column_stack([NUMBERS, COUNTS])),
        ROWS,
    ),
    "catboost, bare": lambda: (
        catboost.CatBoost(
            {"loss_function": "MultiClass", "iterations": 8, "verbose": 0, "allow_writing_files": False}
        ).fit(ROWS, SEVERAL),
        ROWS,
    ),
}
