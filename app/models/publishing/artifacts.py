"""The stored parts of a fitted estimator: its pickle, its parameters, and its feature importance."""

import io
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np

from app.exceptions import UnsupportedModel
from app.models.compilation.compilers import one_line


def feature_importance(estimator: Any, names: list[str]) -> dict[str, float] | None:
    """Impurity importances, or mean absolute coefficients, by column; None if there are neither."""
    try:
        weights = getattr(estimator, "feature_importances_", None)
        if weights is None:
            weights = np.abs(np.atleast_2d(np.asarray(estimator.coef_, dtype=float))).mean(axis=0)
        values = np.asarray(weights, dtype=float)
    except Exception:  # a property of the estimator may raise anything; the importance is optional
        return None
    if values.shape != (len(names),) or not np.isfinite(values).all():
        return None
    return dict(zip(names, values.tolist(), strict=True))


def dump(estimator: Any) -> bytes:
    """The estimator as joblib pickles it.

    :raises UnsupportedModel: if it has a part that cannot be pickled.
    """
    buffer = io.BytesIO()
    try:
        joblib.dump(estimator, buffer, compress=3)
    except Exception as error:  # a custom part may raise anything
        raise UnsupportedModel(
            f"the model cannot be pickled: {one_line(error)}; give it functions and classes of a module"
            " instead of lambdas and what is defined inside a function"
        ) from None
    return buffer.getvalue()


def parameters(estimator: Any) -> Any:
    """The estimator's own parameters, without those of its parts."""
    try:
        return estimator.get_params(deep=False)
    except Exception:  # a custom estimator may have none, or not keep them
        return {}


def plain(value: Any) -> Any:
    """The value as JSON, with the ``repr`` of other objects."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
