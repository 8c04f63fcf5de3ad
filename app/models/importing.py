"""Models that somebody else fitted: read from a file, and saved as a version."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import make_pipeline

from app.exceptions import UnsupportedModel
from app.models.certification.certify import Report
from app.models.gate import VersionPolicy
from app.models.publishing import publish
from app.models.store import ModelStore
from app.models.training import datasets, evaluation

SKOPS = ".skops"
# Compiled parts of scikit-learn's estimators, which skops leaves to whoever reads a file to trust. What else
# a file names is refused: whoever made it has no say in this.
TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
)


class ImportRefused(UnsupportedModel):
    """A file is not what can be imported; the message says what to do."""


@dataclass(frozen=True)
class Sample:
    """Rows like those that the model was fitted to, and what it should have predicted, if known."""

    rows: pd.DataFrame
    target: "pd.Series[Any] | None"


def runs_code(path: Path) -> bool:
    """True for a file that can do anything it likes when it is read; only skops files cannot."""
    return path.suffix != SKOPS


def read_estimator(path: Path, *, trust: bool, policy: VersionPolicy = "refuse") -> Any:
    """The object in a pickle, joblib or skops file.

    :param trust: whether a file that can run code may be read at all.
    :param policy: what to do about one written by another scikit-learn.
    :raises ImportRefused: if it cannot or must not be read.
    """
    if runs_code(path) and not trust:
        raise ImportRefused(f"{path.name} is a pickle, which can run any code when it is read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if policy == "refuse" else "default", InconsistentVersionWarning)
            return joblib.load(path) if runs_code(path) else _read_skops(path)
    except ImportRefused:
        raise
    except InconsistentVersionWarning as warning:
        raise ImportRefused(
            f"{path.name} was written by scikit-learn {warning.original_sklearn_version}, installed is"
            f" {warning.current_sklearn_version}: SKLEARN_VERSION_POLICY=warn lets it in"
        ) from None
    except Exception as error:  # reading may raise whatever the file makes it raise
        raise ImportRefused(f"{path.name} cannot be read: {type(error).__name__}: {error}") from error


def read_sample(path: Path, target: str | None) -> Sample:
    """The columns of a CSV or Parquet file, with the target apart.

    :raises DataError: if it cannot be read or has no such column or no rows.
    """
    frame = datasets.read(path)
    if target is not None and target not in frame.columns:
        raise datasets.DataError(f"{path} has no column {target!r}; it has: {', '.join(map(str, frame))}")
    if frame.empty:
        raise datasets.DataError(f"{path} has no rows")
    rows = datasets.typed(frame if target is None else frame.drop(columns=[target]))
    return Sample(rows, None if target is None else frame[target])


def import_model(
    store: ModelStore,
    model: Any,
    scaler: Any,
    sample: Sample,
    *,
    version: str | None = None,
    graph: bytes | None = None,
    report: Report = lambda step: None,
) -> str:
    """Save a fitted model as a version, with golden rows and names out of the sample; return its name.

    :param graph: an ONNX file of the same model; see `publish`.
    :raises ImportRefused: if it does not predict the sample.
    :raises UnsupportedModel: if it cannot be served.
    :raises VersionExists: if ``version`` is taken.
    """
    if not hasattr(model, "predict"):
        raise ImportRefused(f"a {type(model).__name__} has no predict method: is it the model?")
    estimator = model if scaler is None else make_pipeline(scaler, model)
    rows = _columns_of(estimator, sample.rows)
    predicted = _predict(estimator, rows)
    metadata = {"metrics": _metrics(model, sample.target, predicted), "imported": True}
    return publish(store, model, scaler, metadata, sample=rows, version=version, graph=graph, report=report)


def _read_skops(path: Path) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.load(path, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise ImportRefused(f"{path.name} holds types that this server does not trust: {error}") from None


def _columns_of(estimator: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that the model knows by name, in its order; otherwise as many as it wants, as they are."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        if missing := [str(name) for name in names if name not in rows.columns]:
            raise ImportRefused(f"the sample lacks columns of the model: {', '.join(missing)}")
        return rows[list(names)]
    wanted = getattr(estimator, "n_features_in_", rows.shape[1])
    if wanted != rows.shape[1]:
        raise ImportRefused(
            f"the sample has {rows.shape[1]} columns, the model wants {wanted}: name the target with"
            " --target, and leave out what is no feature"
        )
    return rows


def _predict(estimator: Any, rows: pd.DataFrame) -> Any:
    named = hasattr(estimator, "feature_names_in_")
    numeric = rows.shape[1] == rows.select_dtypes("number").shape[1]
    try:
        return estimator.predict(rows if named or not numeric else rows.to_numpy(dtype=float))
    except Exception as error:  # an estimator fitted elsewhere may raise anything
        message = str(error).strip().splitlines() or [""]
        raise ImportRefused(
            f"the model does not predict the sample: {type(error).__name__}: {message[0][:200]}"
        ) from error


def _metrics(model: Any, target: Any, predicted: Any) -> Mapping[str, float]:
    """How well it predicts the sample, which it may have been fitted to."""
    if target is None or not (is_classifier(model) or is_regressor(model)):
        return {}
    known = target.notna().to_numpy()
    task: datasets.Task = "classification" if is_classifier(model) else "regression"
    try:
        return evaluation.metrics(task, target[known], predicted[known])
    except (ValueError, TypeError) as error:
        raise ImportRefused(f"the target is not what the model predicts: {error}") from None
