"""Data sets to train on: scikit-learn's own, a synthetic one, or a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn import datasets as sklearn_datasets

SEED = 42
BUNDLED = {
    "iris": sklearn_datasets.load_iris,
    "wine": sklearn_datasets.load_wine,
    "breast-cancer": sklearn_datasets.load_breast_cancer,
    "digits": sklearn_datasets.load_digits,
    "diabetes": sklearn_datasets.load_diabetes,
}
NAMES = ("synthetic", *BUNDLED)
# A numeric target with more distinct values than this is taken for a quantity, not for classes.
MAX_NUMERIC_CLASSES = 20

Task = Literal["classification", "regression"]


class DataError(ValueError):
    """The data cannot be trained on; the message says what to do about it."""


@dataclass(frozen=True)
class Dataset:
    """Features by column, the target of each row, and what kind of target it is."""

    name: str
    features: pd.DataFrame
    target: "pd.Series[Any]"
    task: Task

    @property
    def all_numeric(self) -> bool:
        """True if an array does: numbers only, none missing."""
        columns = self.features
        return columns.shape[1] == columns.select_dtypes("number").shape[1] and not columns.isna().any(
            axis=None
        )


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

    :raises DataError: if it cannot be read, has no column ``target``, or no usable rows.
    """
    frame = read(path)
    if target not in frame.columns:
        raise DataError(f"{path} has no column {target!r}; it has: {', '.join(map(str, frame.columns))}")
    frame = frame.dropna(subset=[target])
    features = frame.drop(columns=[target]).dropna(axis="columns", how="all")
    if frame.empty or features.empty:
        raise DataError(f"{path} has no rows with a {target!r} and at least one feature")
    return Dataset(path.stem, typed(features), frame[target], _task_of(frame[target]))


def typed(features: pd.DataFrame) -> pd.DataFrame:
    """Truth values as numbers, and all that is no number as objects."""
    booleans = features.select_dtypes("bool").columns
    features = features.astype(dict.fromkeys(booleans, float))
    others = features.columns.difference(features.select_dtypes("number").columns)
    return features.astype(dict.fromkeys(others, object))


def _synthetic() -> Dataset:
    data, target = sklearn_datasets.make_classification(
        n_samples=1000,
        n_features=20,
        n_informative=15,
        n_redundant=5,
        n_classes=3,
        random_state=SEED,
    )
    columns = [f"feature_{position}" for position in range(data.shape[1])]
    return Dataset("synthetic", pd.DataFrame(data, columns=columns), pd.Series(target), "classification")


def read(path: Path) -> pd.DataFrame:
    """The columns of a CSV or Parquet file.

    :raises DataError: if it cannot be read.
    """
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if path.suffix not in readers:
        raise DataError(f"{path} is neither .csv nor .parquet")
    try:
        return readers[path.suffix](path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def _task_of(target: "pd.Series[Any]") -> Task:
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        return "classification"
    whole = np.equal(np.mod(target.to_numpy(dtype=float), 1), 0).all()
    return "classification" if whole and target.nunique() <= MAX_NUMERIC_CLASSES else "regression"
