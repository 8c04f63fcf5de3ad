"""Columns of categories that XGBoost and LightGBM read themselves, as codes."""

from itertools import groupby
from typing import Any

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import library_of
from app.models.engines.preprocessing.label_steps import Ordinal
from app.models.engines.preprocessing.preprocessor import Branch
from app.models.schema.signature import Feature, InputSignature, Label


def reads_categories(estimator: Any) -> bool:
    """True for a model of a library that reads pandas' categories."""
    return library_of(estimator) in ("xgboost", "lightgbm")


def code_branches(estimator: Any, signature: InputSignature) -> tuple[Branch, ...]:
    """The columns in order, categories as the codes that the model was fitted to; none if all are numbers.

    :raises NotCompilable: for columns that the library does not read as categories.
    """
    if signature.numeric:
        return ()
    booster = getattr(estimator, "booster_", None)
    # LightGBM keeps the categories of such columns, in order; XGBoost's codes are those of the data frame.
    recorded = iter(getattr(booster, "pandas_categorical", None) or ())
    branches = []
    for is_number, run in groupby(enumerate(signature.features), lambda each: each[1].numeric):
        columns = list(run)
        if is_number:
            branches.append(Branch(tuple(position for position, _ in columns), (), labels=False))
            continue
        for position, feature in columns:
            labels = tuple(next(recorded, feature.categories))
            branches.append(Branch((position,), (_codes(feature, labels),), labels=True))
    return tuple(branches)


def _codes(feature: Feature, labels: tuple[Label, ...]) -> Ordinal:
    """The position of a label, NaN for others."""
    if feature.kind != "category" or not labels:
        raise NotCompilable(f"the column {feature.name!r} is no category of pandas")
    return Ordinal((labels,), unknown=None, missing=None)
