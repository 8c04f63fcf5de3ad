"""The estimators nested in an estimator."""

from collections.abc import Iterator
from typing import Any

import numpy as np

MAX_DEPTH = 8


def estimators_in(estimator: Any, *, depth: int = 0) -> Iterator[Any]:
    """The estimator and the estimators in its attributes, lists, dictionaries and object arrays."""
    yield estimator
    if depth < MAX_DEPTH:
        for value in vars(estimator).values() if hasattr(estimator, "__dict__") else ():
            yield from _in_value(value, depth)


def _in_value(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist() if value.dtype == object else ()
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, list | tuple | dict | np.ndarray) or _is_part(item):
                yield from _in_value(item, depth)
    elif _is_part(value):
        yield from estimators_in(value, depth=depth + 1)


def _is_part(value: Any) -> bool:
    """True for an estimator, and for scikit-learn's wrappers of one."""
    methods = ("predict", "transform", "predict_proba")  # a calibrated classifier's parts have only the last
    return any(hasattr(value, method) for method in methods) and not isinstance(value, type)
