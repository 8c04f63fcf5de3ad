"""The sample of a model: rows like its training data, under the model's own column names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline

from app.exceptions import UnsupportedModel
from app.models.compilation.compilers import one_line
from app.models.publishing.columns import column_transformers
from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.rows import Matrix

STAND_IN_ROWS = 200
# Cells of a sparse sample, which becomes dense.
MAX_DENSE = 50_000_000


class SampleMismatch(UnsupportedModel):
    """The sample's columns differ from the model's; the message names them."""


def sample_frame(model: Any, sample: Any, feature_names: Sequence[str] | None = None) -> pd.DataFrame:
    """The sample as a data frame with the model's columns, in the model's order, and the sample's dtypes.

    :param sample: data frame of pandas or Polars, table of pyarrow, array or sparse matrix (n, d), list of
        rows, or one-dimensional array, list or series of texts.
    :param feature_names: names for an array's columns, if the model has none.
    :raises SampleMismatch: if columns are missing, unknown, or too many or too few.
    :raises UnsupportedModel: if the sample is of another type, or holds values that JSON cannot carry.
    """
    frame = _as_frame(sample, names_of(model), feature_names)
    if frame.empty:
        raise UnsupportedModel("the sample has no rows")
    if isinstance(frame.columns, pd.MultiIndex):
        raise UnsupportedModel("the sample's columns have several levels: give each one name")
    if frame.columns.has_duplicates:
        double = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise UnsupportedModel(f"the sample has several columns named {', '.join(double)}")
    frame = _in_order_of(model, frame).reset_index(drop=True)
    _check_numbers(frame)
    return frame


def stand_in_sample(model: Any) -> Matrix:
    """Random rows to probe a numeric model without training data, shape (n, d).

    Normal around the fitted scaler's centre if there is one, or else around zero.

    :raises UnsupportedModel: if the number of features is unknown, or columns are picked by name.
    """
    width = getattr(model, "n_features_in_", None)
    if width is None or any(True for _ in column_transformers(model)):
        raise UnsupportedModel("a sample of the training data is needed to know the model's columns")
    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    centre, spread = getattr(first, "mean_", 0.0), getattr(first, "scale_", 1.0)
    noise = np.random.default_rng(0).normal(size=(STAND_IN_ROWS, width))
    return np.asarray(noise * (1.0 if spread is None else spread) + (0.0 if centre is None else centre))


def names_of(model: Any) -> list[str] | None:
    """The column names that the model recorded in ``fit``, if any."""
    try:
        names = model.feature_names_in_
    except (AttributeError, IndexError):
        return None
    return None if names is None else [str(name) for name in names]


def _as_frame(sample: Any, known: Sequence[str] | None, feature_names: Sequence[str] | None) -> pd.DataFrame:
    if isinstance(sample, pd.DataFrame):
        return _dense(sample)
    if isinstance(sample, pd.Series):
        return sample.to_frame(sample.name if sample.name is not None else "text")
    if issparse(sample):
        if np.prod(sample.shape) > MAX_DENSE:
            raise UnsupportedModel(f"the sample has more than {MAX_DENSE:,} cells: pass fewer of its rows")
        sample = sample.toarray()
    if hasattr(sample, "to_pandas"):
        return _of_another_library(sample)
    if not (isinstance(sample, list | tuple) or hasattr(sample, "__array__")):
        wanted = "a data frame, an array of rows or a list of texts"
        raise UnsupportedModel(f"the sample must be {wanted}, not a {type(sample).__name__}")
    if len(sample) and isinstance(sample[0], dict):
        return pd.DataFrame(list(sample))
    array = _as_array(sample)
    if array.ndim == 1 and (not len(array) or isinstance(array[0], str)):
        return pd.DataFrame({"text": np.asarray(sample, dtype=object)})
    if array.ndim != 2:
        raise UnsupportedModel(f"the sample has {array.ndim} dimensions, not rows and columns")
    names = list(known or feature_names or numbered(array.shape[1]))
    if len(names) != array.shape[1]:
        raise _other_width(array.shape[1], len(names))
    # Said, or pandas makes strings of objects, which have NaN for None.
    return pd.DataFrame(array, columns=names, dtype=object if array.dtype == object else None)


def _dense(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, its sparse columns as dense ones."""
    sparse = {name: t.subtype for name, t in frame.dtypes.items() if isinstance(t, pd.SparseDtype)}
    return frame.astype(sparse) if sparse else frame


def _of_another_library(sample: Any) -> pd.DataFrame:
    """A data frame of Polars or a table of pyarrow as one of pandas."""
    try:
        frame: pd.DataFrame = sample.to_pandas()
    except Exception as error:  # what the library raises where it lacks another one
        raise UnsupportedModel(f"the sample's to_pandas() raised {one_line(error)}") from error
    if type(sample).__module__.startswith("polars"):  # whose missing text is None for a model, not NaN
        texts = [name for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.StringDtype)]
        objects = {name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts}
        return frame.assign(**objects)
    return frame


def _as_array(sample: Any) -> Any:
    try:
        array = np.asarray(sample)
        if array.dtype.kind in "US" and not isinstance(sample, np.ndarray) and array.ndim == 2:
            # NumPy turns numbers beside text into text.
            return np.array([list(row) for row in sample], dtype=object)
    except ValueError:
        raise UnsupportedModel("the sample's rows differ in length") from None
    return array


def numbered(width: int) -> list[str]:
    """Names of unnamed columns."""
    return [f"feature_{position}" for position in range(width)]


def _in_order_of(model: Any, frame: pd.DataFrame) -> pd.DataFrame:
    known = names_of(model)
    if known is None:
        wanted = getattr(model, "n_features_in_", 0) or frame.shape[1]  # CatBoost's loaded models say 0
        if wanted != frame.shape[1]:
            raise _other_width(frame.shape[1], wanted)
        return frame
    names = [str(name) for name in frame.columns]
    missing = [name for name in known if name not in names]
    unknown = [name for name in names if name not in known]
    if not missing and not unknown:
        return frame.set_axis(names, axis="columns")[known]
    reasons = [f"lacks columns of the model: {_listed(missing)}"] if missing else []
    if unknown:
        reasons.append(f"has columns that the model was not fitted to: {_listed(unknown)}")
    raise SampleMismatch(f"the sample {' and '.join(reasons)}")


def _other_width(found: int, wanted: int) -> SampleMismatch:
    hint = "leave out the target and what is no feature"
    return SampleMismatch(f"the sample has {found} columns, the model takes {wanted}: {hint}")


def _listed(names: list[str], *, most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _check_numbers(frame: pd.DataFrame) -> None:
    """:raises UnsupportedModel: for numbers that JSON or float64 cannot represent."""
    for name, column in frame.items():
        numbers, found = _numbers_of(column), f"column {name!r} of the sample holds"
        if np.isinf(numbers).any():
            raise UnsupportedModel(f"{found} infinity, which JSON cannot carry: leave such rows out")
        if (np.abs(numbers[np.isfinite(numbers)]) > EXACT_INTEGER).any() and _is_whole(column):
            hint = "leave it out, or make it text"
            raise UnsupportedModel(f"{found} whole numbers beyond 2**53, which JSON rounds: {hint}")


def _numbers_of(column: "pd.Series[Any]") -> Matrix:
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind in "iufb":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if not pd.api.types.is_object_dtype(column.dtype):
        return np.empty(0)
    numbers = [float(v) for v in column.tolist() if isinstance(v, int | float | np.number) and v == v]
    return np.array(numbers, dtype=np.float64)


def _is_whole(column: "pd.Series[Any]") -> bool:
    if pd.api.types.is_object_dtype(column.dtype):
        return any(isinstance(value, int) for value in column.tolist())
    return bool(pd.api.types.is_integer_dtype(column.dtype))
