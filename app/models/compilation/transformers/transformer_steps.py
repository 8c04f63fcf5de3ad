"""Fitted transformers as steps of a `Preprocessor`: one table per kind of column."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import preprocessing
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import MissingIndicator, SimpleImputer

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.curve_transformers import CURVE_STEPS, floats
from app.models.compilation.transformers.encoder_transformers import ENCODERS
from app.models.compilation.transformers.matrix_transformers import MATRIX_STEPS
from app.models.compilation.transformers.text_transformers import TEXT_STEPS
from app.models.engines.preprocessing import imputer_steps, number_steps
from app.models.engines.preprocessing.label_steps import ImputeLabel
from app.models.engines.preprocessing.preprocessor import Branch, Preprocessor, Step
from app.models.engines.preprocessing.text import Substitute


def number_step(transformer: Any) -> Step:
    """The step of a transformer of numbers.

    :raises NotCompilable: naming a transformer without a compiled form, as the other functions do.
    """
    if isinstance(transformer, SelectorMixin) and type(transformer) not in NUMBER_STEPS:
        return number_steps.Select(tuple(transformer.get_support(indices=True).tolist()))
    return _step(NUMBER_STEPS, transformer, "")


def label_step(transformer: Any) -> Step:
    """The step of a transformer of labels."""
    return _step(LABEL_STEPS, transformer, " on labels")


def text_step(transformer: Any) -> Step:
    """The step of a transformer of texts."""
    if hasattr(transformer, "substitutions"):
        return Substitute(**transformer.substitutions())
    return _step(TEXT_STEPS, transformer, " on texts")


def _step(makers: dict[type, Callable[[Any], Step]], transformer: Any, what: str) -> Step:
    if type(transformer) not in makers:
        raise NotCompilable(f"{type(transformer).__name__}{what} has no compiled form")
    return makers[type(transformer)](transformer)


def _center_scale(center: Any, scale: Any) -> Step:
    given = (None if numbers is None else floats(numbers) for numbers in (center, scale))
    return number_steps.CenterScale(*given)


def _min_max(scaler: Any) -> Step:
    clip = tuple(map(float, scaler.feature_range)) if scaler.clip else None
    scale, shift = floats(scaler.scale_), floats(scaler.min_)
    return number_steps.ScaleShift(scale, shift, clip)  # type: ignore[arg-type] # two floats


def _binarize(binarizer: Any) -> Step:
    threshold = float(binarizer.threshold)
    if float(np.float32(threshold)) != threshold:  # rounded where the model reads single precision
        raise NotCompilable(
            "Binarizer with a threshold that single precision cannot hold has no compiled form"
        )
    return number_steps.Binarize(threshold)


def _number_imputer(imputer: Any) -> Step:
    fill = floats(imputer.statistics_)
    if not np.isfinite(fill).all() or not np.isnan(imputer.missing_values):
        raise NotCompilable("SimpleImputer with columns all missing, or another mark for missing")
    filled = imputer_steps.ImputeNumber(fill)
    if imputer.indicator_ is None:
        return filled
    columns = tuple(range(len(fill)))
    holes = _missing_indicator(imputer.indicator_)
    return Preprocessor(tuple(Branch(columns, (step,), labels=False) for step in (filled, holes)))


def _missing_indicator(indicator: Any) -> Step:
    if not np.isnan(indicator.missing_values):
        raise NotCompilable("MissingIndicator with another mark for missing has no compiled form")
    closed = indicator.features == "missing-only" and indicator.error_on_new
    return imputer_steps.Missing(tuple(indicator.features_.tolist()), closed=closed)


def _label_imputer(imputer: Any) -> Step:
    if imputer.add_indicator:
        raise NotCompilable("SimpleImputer of labels with add_indicator has no compiled form")
    return ImputeLabel(tuple(np.asarray(imputer.statistics_, dtype=object).tolist()))


def _polynomial(expansion: Any) -> Step:
    terms = [tuple(np.repeat(np.arange(len(powers)), powers).tolist()) for powers in expansion.powers_]
    position = {term: index for index, term in enumerate(terms)}
    highest = max(map(len, terms))
    return number_steps.Polynomial(
        width=len(terms),
        bias=position.get(()),
        linear=tuple((position[term], term[0]) for term in terms if len(term) == 1),
        degrees=tuple(
            tuple((position[term], term[0], position[term[1:]]) for term in terms if len(term) == degree)
            for degree in range(2, highest + 1)
        ),
    )


NUMBER_STEPS: dict[type, Callable[[Any], Step]] = {
    # StandardScaler keeps mean_ even if it does not subtract it.
    preprocessing.StandardScaler: lambda s: _center_scale(s.mean_ if s.with_mean else None, s.scale_),
    preprocessing.RobustScaler: lambda s: _center_scale(s.center_, s.scale_),
    preprocessing.MaxAbsScaler: lambda s: _center_scale(None, s.scale_),
    preprocessing.MinMaxScaler: _min_max,
    preprocessing.Binarizer: _binarize,
    SimpleImputer: _number_imputer,
    preprocessing.PolynomialFeatures: _polynomial,
    MissingIndicator: _missing_indicator,
    **ENCODERS,
    **CURVE_STEPS,
    **MATRIX_STEPS,
}
LABEL_STEPS: dict[type, Callable[[Any], Step]] = {
    SimpleImputer: _label_imputer,
    **ENCODERS,
}
