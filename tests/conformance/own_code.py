"""Estimators and functions as people write them themselves, in a module that the service can import."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin


class LyingTags(BaseEstimator, ClassifierMixin):
    """A classifier whose bases stand in the wrong order, so that its tags say nothing."""

    def fit(self, rows: Any, target: Any) -> Self:
        self.classes_, codes = np.unique(target, return_inverse=True)
        self.centers_ = np.array(
            [np.asarray(rows)[codes == code].mean(axis=0) for code in range(len(self.classes_))]
        )
        return self

    def predict(self, rows: Any) -> Any:
        apart = np.linalg.norm(np.asarray(rows)[:, None, :] - self.centers_, axis=2)
        return self.classes_[apart.argmin(axis=1)]


class NoClasses(LyingTags):
    """Keeps its classes to itself."""

    def fit(self, rows: Any, target: Any) -> Self:
        super().fit(rows, target)
        self.own_ = self.classes_
        del self.classes_
        return self

    def predict(self, rows: Any) -> Any:
        apart = np.linalg.norm(np.asarray(rows)[:, None, :] - self.centers_, axis=2)
        return self.own_[apart.argmin(axis=1)]


class Several(NoClasses):
    """Two labels a row, neither of them 0 or 1, and nothing that says which there are."""

    def predict(self, rows: Any) -> Any:
        labels = super().predict(rows) + 5
        return np.column_stack([labels, labels])


class ToText(TransformerMixin, BaseEstimator):
    """Gives back text, which no client asked of a transformer."""

    def fit(self, rows: Any, target: Any = None) -> Self:
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def transform(self, rows: Any) -> Any:
        return np.asarray(rows).astype(str)


class Column(RegressorMixin, BaseEstimator):
    """Answers of shape (n, 1)."""

    def fit(self, rows: Any, target: Any) -> Self:
        self.mean_ = float(np.mean(target))
        return self

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows, dtype=float).sum(axis=1)[:, None] + self.mean_


class ByName(TransformerMixin, BaseEstimator):
    """Takes columns of a data frame by name."""

    def fit(self, frame: Any, target: Any = None) -> Self:
        self.fitted_ = True
        return self

    def transform(self, frame: Any) -> Any:
        return frame[["width", "height"]].to_numpy() * [1.0, 2.0]


class Half(RegressorMixin, BaseEstimator):
    """Half of the rows' sum, NaN where that is negative, and an error where it is beyond 1,000."""

    def fit(self, rows: Any, target: Any) -> Self:
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def predict(self, rows: Any) -> Any:
        sums = np.asarray(rows).sum(axis=1) / 2
        if (sums > 1000).any():
            raise OverflowError("more than I can carry")
        return np.where(sums < 0, np.nan, sums)


class InPlace(LyingTags):
    """Turns the rows that it is given around, in place."""

    def predict(self, rows: Any) -> Any:
        rows *= -1.0
        return super().predict(-rows)

    def predict_proba(self, rows: Any) -> Any:
        rows *= -1.0
        large = rows.sum(axis=1) < -6
        return np.where(large[:, None], [0.2, 0.8], [0.7, 0.3])


class LooksUp(Half):
    """Raises what a file that is not there raises, for some rows."""

    def predict(self, rows: Any) -> Any:
        if (np.asarray(rows) > 100).any():
            raise FileNotFoundError("lookup.csv")
        return np.asarray(rows).sum(axis=1)


class Lists(LyingTags):
    """Answers with lists."""

    def predict(self, rows: Any) -> Any:
        return super().predict(rows).tolist()

    def predict_proba(self, rows: Any) -> Any:
        return [[0.25, 0.75] if label else [0.75, 0.25] for label in self.predict(rows)]


class OddImportances(LyingTags):
    """Has importances and coefficients that are none, and probabilities that cannot be asked for."""

    def feature_importances_(self) -> None:
        """A method, where others have an array."""

    @property
    def coef_(self) -> Any:
        raise RuntimeError("no coefficients")

    @property
    def predict_proba(self) -> Any:
        raise ValueError("no probabilities")


class Leaves(LyingTags):
    """Ends the process that asks it."""

    def predict(self, rows: Any) -> Any:
        raise SystemExit(3)


class Unpicklable(LyingTags):
    """Cannot be saved."""

    def __getstate__(self) -> Any:
        raise OSError("no state for you")


def as_text(rows: Any) -> Any:
    """Numbers as text: 1 and 1.0 are two."""
    return rows.astype(str)


def remainder(rows: Any) -> Any:
    """What is left of whole numbers after division by three."""
    return np.asarray(rows) % 3


def lowered(texts: Any) -> Any:
    """A series of texts in small letters."""
    return texts.str.lower()


def shout(texts: Any) -> Any:
    """Texts in capitals."""
    return [text.upper() for text in texts]


def day_and_month(dates: Any) -> Any:
    """A function that takes dates apart."""
    frame = dates.apply(lambda column: column.dt.day), dates.apply(lambda column: column.dt.month)
    return np.hstack([each.fillna(0).to_numpy(dtype=float) for each in frame])


def as_ordinals(dates: Any) -> Any:
    """A function of Python's own dates, in an array or a frame."""
    return np.array([[each.toordinal() for each in row] for row in np.asarray(dates)], dtype=float)
