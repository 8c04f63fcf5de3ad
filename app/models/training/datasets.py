"""Data sets to train on: scikit-learn's own, a synthetic one, or a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn import datasets as sklearn_datasets

from app.models.training.csv_columns import read_csv

SEED = 42
BUNDLED = {
    "iris": sklearn_datasets.load_iris,
    "wine": sklearn_datasets.load_wine,
    "breast-cancer": sklearn_datasets.load_breast_cancer,
    "digits": sklearn_datasets.load_digits,
    "diabetes": sklearn_datasets.load_diabetes,
}
NAMES = ("synthetic", *BUNDLED)
# A numeric target with more distinct values than this is a quantity, not a class.
MAX_NUMERIC_CLASSES = 20

Task = Literal["classification", "regression"]


class DataError(ValueError):
    """The data cannot be trained on; the message says what to do about it."""


@dataclass(frozen=True)
class Dataset:
    """Features by column, the target of each row, and the task.

    ``left_out``: row numbers of the file, from 1, without a target.
    """

    name: str
    features: pd.DataFrame
    target: "pd.Series[Any]"
    task: Task
    left_out: list[int] = field(default_factory=list)

    @property
    def all_numeric(self) -> bool:
        """True for numbers and truth values only, none missing."""
        numeric = self.features.select_dtypes(["number", "bool"])
        return self.features.shape == numeric.shape and not self.features.isna().any(axis=None)


def bundled(name: str) -> Dataset:
    """One of `NAMES`; ``synthetic`` has 1,000 rows, 20 features and 3 classes."""
    if name == "synthetic":
        return _synthetic()
    bunch = BUNDLED[name]()
    features = pd.DataFrame(bunch.data, columns=list(map(str, bunch.feature_names)))
    task: Task = "regression" if name == "diabetes" else "classification"
    return Dataset(name, features, pd.Series(bunch.target), task)


def from_file(path: Path, target: str) -> Dataset:
    """Read a CSV or Parquet file with a header.

    :raises DataError: if the file cannot be read, has no column ``target``, or no usable rows.
    """
    frame = read(path, target=target)
    if target not in frame.columns:
        raise DataError(f"{path} has no column {target!r}; it has: {', '.join(map(str, frame.columns))}")
    without = frame[target].isna().to_numpy()
    left_out = (np.flatnonzero(without) + 1).tolist()
    frame = frame[~without]
    features = frame.drop(columns=[target]).dropna(axis="columns", how="all")
    if frame.empty or features.empty:
        raise DataError(f"{path} has no rows with a {target!r} and at least one feature")
    values = _plain_target(frame[target])
    return Dataset(path.stem, _as_objects(features), values, _task_of(values), left_out)


def _plain_target(target: "pd.Series[Any]") -> "pd.Series[Any]":
    """The target in a NumPy dtype: rows without a target have changed it.

    :raises DataError: if the target is neither labels nor numbers.
    """
    if pd.api.types.is_bool_dtype(target.dtype):
        return target.astype(bool)
    if pd.api.types.is_integer_dtype(target.dtype):
        return target.astype("int64")
    try:
        target.nunique()
    except TypeError:
        raise DataError(f"column {target.name!r} holds what is neither a label nor a number") from None
    if pd.api.types.is_float_dtype(target.dtype):
        return target.astype("float64")
    return target.astype(object)


def _as_objects(features: pd.DataFrame) -> pd.DataFrame:
    """The features, with all columns but numbers and truth values as objects."""
    numbers = features.select_dtypes(["number", "bool", "boolean"]).columns
    others = [name for name in features.columns if name not in numbers]
    objects = features[others].astype(object)
    return features.assign(**objects.where(features[others].notna().to_numpy(), np.nan))


def _synthetic() -> Dataset:
    data, target = sklearn_datasets.make_classification(
        n_samples=1000, n_features=20, n_informative=15, n_redundant=5, n_classes=3, random_state=SEED
    )
    columns = [f"feature_{position}" for position in range(data.shape[1])]
    return Dataset("synthetic", pd.DataFrame(data, columns=columns), pd.Series(target), "classification")


def read(path: Path, *, text: frozenset[str] = frozenset(), target: str | None = None) -> pd.DataFrame:
    """The columns of a CSV or Parquet file.

    :param text: columns of a CSV file to read as text.
    :param target: a column whose whole numbers stay integers even if some are missing.
    :raises DataError: if the file cannot be read.
    """
    readers = {".csv": lambda path: read_csv(path, text=text, target=target), ".parquet": pd.read_parquet}
    if path.suffix not in readers:
        raise DataError(f"{path} is neither .csv nor .parquet")
    try:
        return readers[path.suffix](path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} cannot be read: it is not in UTF-8, save it so") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def _task_of(target: "pd.Series[Any]") -> Task:
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        return "classification"
    numbers = target.to_numpy(dtype=float)
    whole = np.isfinite(numbers).all() and np.equal(np.mod(numbers, 1), 0).all()
    return "classification" if whole and target.nunique() <= MAX_NUMERIC_CLASSES else "regression"
