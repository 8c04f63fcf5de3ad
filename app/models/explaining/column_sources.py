"""Column sources: from which of the caller's columns each transformed column comes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn import preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion

from app.models.compilation.pipeline_preprocessing import positions_of, steps_of_transformer
from app.models.engines.preprocessing.curve_steps import FUNCTIONS
from app.models.explaining.explanation import NotExplainable
from app.models.schema.signature import Feature, InputSignature

# A position per transformed column, CONSTANT for a column of ones; or one for columns of unknown number.
CONSTANT = -1
Sources = list[int] | int


class MixesColumns(NotExplainable):
    """A transformer makes one column of several of the caller's, ``step`` steps from the first."""

    def __init__(self, transformer: Any, step: int = 0) -> None:
        name = type(transformer).__name__
        super().__init__(f"{name} mixes columns, so that no part of the answer belongs to one of them")
        self.step = step


def column_sources(transformers: Sequence[Any], width: int) -> Sources:
    """The sources behind all transformers, one after the other.

    :param width: the number of the caller's columns.
    :raises MixesColumns: naming the first transformer whose columns have several sources.
    """
    sources: Sources = list(range(width))
    for step, transformer in enumerate(transformers):
        try:
            sources = _behind(transformer, sources)
        except MixesColumns as error:
            error.step = step
            raise
    return sources


def listed(sources: Sources, width: int) -> list[int]:
    """The source of each of ``width`` columns.

    :raises NotExplainable: if the transformers gave another number of columns.
    """
    found = [sources] * width if isinstance(sources, int) else sources
    if len(found) != width:
        raise NotExplainable(f"the transformers before the model name {len(found)} columns of its {width}")
    return found


def _behind(transformer: Any, sources: Sources) -> Sources:
    if type(transformer) in COMBINED:
        return COMBINED[type(transformer)](transformer, sources)
    if isinstance(sources, int):
        return sources
    rule = SELECT if isinstance(transformer, SelectorMixin) else RULES.get(type(transformer))
    if rule is not None:
        return rule(transformer, sources)
    if len(set(sources)) == 1:  # whatever it does, there is only one column
        return sources[0]
    raise MixesColumns(transformer)


def _columns(transformer: ColumnTransformer, sources: Sources) -> Sources:
    names = getattr(transformer, "feature_names_in_", None)
    names = range(transformer.n_features_in_) if names is None else names
    signature = InputSignature(tuple(Feature(str(name), "number") for name in names), "frame")
    given, found = listed(sources, transformer.n_features_in_), list[int]()
    for name, part, columns in transformer.transformers_:
        if not (isinstance(part, str) and part == "drop") and (found_at := positions_of(columns, signature)):
            inner: Sources = [given[position] for position in found_at]
            for step in steps_of_transformer(part)[0]:
                inner = _behind(step, inner)
            place = transformer.output_indices_[name]
            found += listed(inner, place.stop - place.start)
    return found


def _union(union: FeatureUnion, sources: Sources) -> Sources:
    if isinstance(sources, int):
        return sources
    found = list[int]()
    for _, part in union.transformer_list:
        if not (isinstance(part, str) and part == "drop"):
            inner: Sources = sources
            for step in steps_of_transformer(part)[0]:
                inner = _behind(step, inner)
            found += listed(inner, _width(part)) if isinstance(inner, int) else inner
    return sources[0] if len(set(sources)) == 1 else found


def _width(part: Any) -> int:
    try:
        return len(part.get_feature_names_out())
    except Exception:  # a custom transformer may raise anything
        raise NotExplainable(f"how many columns {type(part).__name__} gives is not known") from None


def _same(transformer: Any, sources: list[int]) -> list[int]:
    return sources


def _selected(selector: Any, sources: list[int]) -> list[int]:
    return [sources[position] for position in selector.get_support(indices=True).tolist()]


def _imputed(imputer: Any, sources: list[int]) -> list[int]:
    filled, statistics = sources, np.asarray(imputer.statistics_, dtype=object).tolist()
    if not imputer.keep_empty_features and imputer.strategy != "constant":  # columns all missing are left out
        filled = [source for source, fill in zip(sources, statistics, strict=True) if fill == fill]
    return filled + ([] if imputer.indicator_ is None else _missing(imputer.indicator_, sources))


def _missing(indicator: Any, sources: list[int]) -> list[int]:
    return [sources[position] for position in indicator.features_.tolist()]


def _repeated(sources: list[int], counts: Any) -> list[int]:
    return [s for s, count in zip(sources, counts, strict=True) for _ in range(int(count))]


def _bins(transformer: Any, sources: list[int]) -> list[int]:
    return sources if transformer.encode == "ordinal" else _repeated(sources, transformer.n_bins_)


def _target_means(encoder: Any, sources: list[int]) -> list[int]:
    each = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return _repeated(sources, [each] * len(sources))


def _splines(transformer: Any, sources: list[int]) -> list[int]:
    return _repeated(sources, [transformer.n_features_out_ // len(sources)] * len(sources))


def _products(expansion: Any, sources: list[int]) -> list[int]:
    found = [{sources[i] for i in np.flatnonzero(powers).tolist()} for powers in expansion.powers_]
    if any(len(each) > 1 for each in found):
        raise MixesColumns(expansion)
    return [each.pop() if each else CONSTANT for each in found]


def _function(transformer: Any, sources: list[int]) -> Sources:
    func = transformer.func
    if func is None or FUNCTIONS.get(getattr(func, "__name__", "")) is func:
        return sources
    if len(set(sources)) == 1:
        return sources[0]
    raise MixesColumns(transformer)


SELECT: Callable[[Any, list[int]], Sources] = _selected
COMBINED: dict[type, Callable[[Any, Sources], Sources]] = {ColumnTransformer: _columns, FeatureUnion: _union}
RULES: dict[type, Callable[[Any, list[int]], Sources]] = {
    preprocessing.StandardScaler: _same,
    preprocessing.MinMaxScaler: _same,
    preprocessing.MaxAbsScaler: _same,
    preprocessing.RobustScaler: _same,
    preprocessing.PowerTransformer: _same,
    preprocessing.QuantileTransformer: _same,
    preprocessing.Binarizer: _same,
    preprocessing.OrdinalEncoder: _same,
    preprocessing.FunctionTransformer: _function,
    preprocessing.KBinsDiscretizer: _bins,
    preprocessing.SplineTransformer: _splines,
    preprocessing.PolynomialFeatures: _products,
    preprocessing.OneHotEncoder: lambda encoder, sources: _repeated(sources, encoder._n_features_outs),
    preprocessing.TargetEncoder: _target_means,
    SimpleImputer: _imputed,
    MissingIndicator: _missing,
}
