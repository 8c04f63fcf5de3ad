"""The stored parts of a fitted estimator: its pickle, parameters, libraries, and feature importance."""

import io
import os
import pickle
import sys
import zlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from types import FunctionType
from typing import Any

import cloudpickle
import joblib
import numpy as np

from app.exceptions import UnsupportedModel
from app.models.compilation.compilers import one_line
from app.models.engines.nesting import estimators_in
from app.models.loading.original import JUDGED_LIBRARIES

LIBRARIES = ("scikit-learn", "numpy", "pandas", "joblib")


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


def dump(estimator: Any, *, by_value: bool = False) -> bytes:
    """The estimator as joblib pickles it, or by value as cloudpickle does.

    :raises UnsupportedModel: if it has a part that cannot be pickled.
    """
    if by_value:
        return zlib.compress(cloudpickle.dumps(estimator), level=3)
    buffer = io.BytesIO()
    try:
        joblib.dump(estimator, buffer, compress=3)
    except Exception as error:  # a custom part may raise anything
        raise UnsupportedModel(
            f"the model cannot be pickled: {one_line(error)}; give it functions and classes of a module"
            " instead of lambdas and what is defined inside a function, or save it with by_value=True"
        ) from None
    return buffer.getvalue()


def is_importable(estimator: Any) -> bool:
    """True if every class and function in the estimator can be imported by its name."""
    try:
        with open(os.devnull, "wb") as nowhere:
            _Names(nowhere, protocol=5, buffer_callback=lambda buffer: None).dump(estimator)
    except Exception:  # a lambda, a function in a function, a class of a notebook
        return False
    return True


class _Names(pickle.Pickler):
    """Raises for a class or function of the main module."""

    def persistent_id(self, part: Any) -> None:
        """Called by pickle for each object; None continues."""
        if isinstance(part, type | FunctionType) and part.__module__ == "__main__":
            raise pickle.PicklingError(f"{part.__qualname__} belongs to the script that saves it")


def read_modules(code: Sequence[str | Path]) -> dict[str, bytes]:
    """The files of modules that travel with a version, by name.

    :raises UnsupportedModel: for what is no module, or would hide an installed one.
    """
    modules = {}
    for file in map(Path, code):
        if file.suffix != ".py" or not file.stem.isidentifier():
            raise UnsupportedModel(f"{file.name} is no module: give files such as my_module.py")
        try:
            source = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UnsupportedModel(f"{file.name} is no text in UTF-8") from None
        if _is_another(file.stem, source):
            raise UnsupportedModel(f"{file.name} would hide another module {file.stem!r}: rename it")
        modules[file.name] = source.encode()
    return modules


def _is_another(name: str, source: str) -> bool:
    """True if a module of this name can be imported that has another source, or none."""
    known = sys.modules.get(name)
    spec = find_spec(name) if known is None else known.__spec__
    if spec is None:
        return False
    return bool(getattr(spec.loader, "get_source", lambda name: None)(name) != source)


def parameters(estimator: Any) -> Any:
    """The estimator's own parameters, without those of its parts."""
    try:
        return estimator.get_params(deep=False)
    except Exception:  # a custom estimator may have none, or not keep them
        return {}


def library_versions(model: Any) -> dict[str, str]:
    """The versions of what the model was fitted with."""
    used = {
        type(part).__module__.partition(".")[0] for part in estimators_in(model)
    } & JUDGED_LIBRARIES.keys()
    boosting = {name: str(sys.modules[name].__version__) for name in sorted(used)}
    return {name: installed(name) for name in LIBRARIES} | boosting | {"python": python_version()}


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
