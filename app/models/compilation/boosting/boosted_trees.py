"""Boosted trees of other libraries as plain arrays, with the library's own arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Any, Literal

import numpy as np

from app.models.compilation.boosting.lightgbm_booster import LightGBMBooster
from app.models.compilation.model_trees import ModelTree

Link = Literal["identity", "exp", "logistic", "softmax", "square"]

# A library's classes whose predictions are those of their trees; a subclass may predict otherwise.
READERS = {
    "xgboost": ("app.models.compilation.boosting.xgboost_trees:read", ("XGB", "Booster")),
    "lightgbm": ("app.models.compilation.boosting.lightgbm_trees:read", ("LGBM", "Booster")),
    "catboost": ("app.models.compilation.boosting.catboost_trees:read", ("CatBoost",)),
}

# LightGBM reads numbers of at most this magnitude as zero.
ZERO_UP_TO = float(np.float32(1e-35))


@dataclass(frozen=True)
class BoostedTrees:
    """The trees of a boosted model, and how their leaves become a prediction.

    The leaves of each output's trees are added in order, ``base`` first if sums are of ``single``
    precision, last if not; the sum is divided by ``divisor`` and multiplied by ``scale`` before the
    ``link``, which is of single precision too. ``rounded``: the input is rounded to float32. ``missing``:
    a number that stands for a missing value; ``zero_is_missing``: so do zeros. A ``logistic`` model has
    one output and two classes, a ``softmax`` one output per class.
    """

    trees: list[ModelTree]
    outputs: int
    link: Link
    base: tuple[float, ...]
    single: bool = False
    rounded: bool = False
    divisor: float = 1.0
    scale: float = 1.0
    missing: float | None = None
    zero_is_missing: bool = False

    @property
    def category_columns(self) -> list[int]:
        """The columns that are split by sets of categories, whose numbers are cut to whole ones."""
        return sorted({int(tree.feature[node]) for tree in self.trees for node in tree.categories})


def library_of(estimator: Any) -> str | None:
    """The library of a boosted model, or None for other estimators."""
    if isinstance(estimator, LightGBMBooster):
        return "lightgbm"
    kind = type(estimator)
    name = kind.__module__.partition(".")[0]
    return name if name in READERS and kind.__name__.startswith(READERS[name][1]) else None


def boosted_trees(estimator: Any) -> BoostedTrees:
    """The trees of a fitted model of one of the libraries.

    :raises NotCompilable: naming what has no compiled form.
    """
    reader: Callable[[Any], BoostedTrees] = _reader(library_of(estimator))
    return reader(estimator)


@cache
def _reader(library: str | None) -> Any:
    return resolve_name(READERS[library or ""][0])
