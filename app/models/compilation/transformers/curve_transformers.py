"""Fitted transformers of single columns of numbers, as the steps of `curve_steps`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import preprocessing

from app.models.compilation import NotCompilable
from app.models.engines.preprocessing.curve_steps import FUNCTIONS, Bins, Function, Power, Quantiles
from app.models.engines.preprocessing.number_steps import CenterScale
from app.models.engines.preprocessing.preprocessor import Preprocessor, Step
from app.models.engines.preprocessing.spline_steps import Splines


def floats(values: Any) -> tuple[float, ...]:
    """The numbers as plain floats."""
    return tuple(np.asarray(values, dtype=np.float64).tolist())


def _function(transformer: Any) -> Step:
    name = getattr(transformer.func, "__name__", "a function")
    if FUNCTIONS.get(name) is not transformer.func or transformer.kw_args:
        raise NotCompilable(
            f"FunctionTransformer of {name} has no compiled form: only functions of NumPy have"
        )
    return Function(name)


def _power(transformer: Any) -> Step:
    power = Power(transformer.method, floats(transformer.lambdas_))
    if not transformer.standardize:
        return power
    scaler = transformer._scaler
    return Preprocessor(steps=(power, CenterScale(floats(scaler.mean_), floats(scaler.scale_))))


def _bins(transformer: Any) -> Step:
    return Bins(
        tuple(floats(edges[1:-1]) for edges in transformer.bin_edges_),
        one_hot=transformer.encode != "ordinal",
    )


def _quantiles(transformer: Any) -> Step:
    columns = tuple(map(floats, transformer.quantiles_.T))
    normal = transformer.output_distribution == "normal"
    return Quantiles(columns, floats(transformer.references_), normal=normal)


def _splines(transformer: Any) -> Step:
    # Columns after the first are then continued from other knots, as scikit-learn raises the degree for each.
    if transformer.extrapolation == "linear" and transformer.degree <= 1:
        raise NotCompilable("SplineTransformer of a degree below 2, continued linearly, has no compiled form")
    slope = 0.0 if transformer.extrapolation == "constant" else 1.0
    return Splines(
        degree=transformer.degree,
        knots=tuple(floats(curve.t) for curve in transformer.bsplines_),
        low=_ends(transformer, transformer.degree),
        high=_ends(transformer, -transformer.degree - 1),
        low_slope=_ends(transformer, transformer.degree, slope),
        high_slope=_ends(transformer, -transformer.degree - 1, slope),
        outside=transformer.extrapolation,
        bias=transformer.include_bias,
        zeros=getattr(transformer, "handle_missing", "error") == "zeros",
    )


def _ends(transformer: Any, knot: int, slope: float | None = None) -> tuple[tuple[float, ...], ...]:
    """Per column the bases at a knot, or with ``slope`` so many times their derivatives there."""
    if slope is None:
        return tuple(floats(curve(curve.t[knot])) for curve in transformer.bsplines_)
    return tuple(floats(curve(curve.t[knot], nu=1) * slope) for curve in transformer.bsplines_)


CURVE_STEPS: dict[type, Callable[[Any], Step]] = {
    preprocessing.FunctionTransformer: _function,
    preprocessing.PowerTransformer: _power,
    preprocessing.KBinsDiscretizer: _bins,
    preprocessing.QuantileTransformer: _quantiles,
    preprocessing.SplineTransformer: _splines,
}
