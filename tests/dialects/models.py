"""Models with rows that nobody trained on: of every kind of column, and of every kind of answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from app.models.training.estimators import mixed_pipeline
from tests.conformance.own_code import day_and_month
from tests.dialects.rows import Rows

N = 200
ASKED = 40


@dataclass(frozen=True)
class Brought:
    """A fitted model, the sample that comes with it, and rows to ask for."""

    model: Any
    sample: Any
    rows: Rows


def brought(model: Any, features: pd.DataFrame, target: Any) -> Brought:
    """The model, fitted to all but the last rows, which are asked for."""
    kept = len(features) - ASKED
    model.fit(features[:kept], np.asarray(target)[:kept])
    cells = [list(map(_plain, row)) for row in features[kept:].itertuples(index=False)]
    return Brought(model, features[:kept], Rows(tuple(features.columns), cells))


def _plain(cell: Any) -> Any:
    """A cell as JSON has it."""
    if cell is None or cell != cell:
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.isoformat()
    return cell.item() if isinstance(cell, np.generic) else cell


def people() -> pd.DataFrame:
    """Whole numbers, numbers and labels, none of them missing."""
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": generator.integers(18, 90, N),
            "height": generator.normal(170, 10, N),
            "city": generator.choice(np.array(["Athens", "Berlin", "Cairo, old"], dtype=object), N),
        }
    )


def wine() -> Brought:
    """Numbers, and three classes of whole numbers."""
    features, target = load_wine(return_X_y=True, as_frame=True)
    order = np.random.default_rng(0).permutation(len(features))
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return brought(model, features.iloc[order], target.iloc[order])


def diabetes() -> Brought:
    """A regression."""
    return brought(LinearRegression(), *load_diabetes(return_X_y=True, as_frame=True))


def several_targets() -> Brought:
    """Two labels a row."""
    frame = people()[["height", "age"]].astype(float)
    target = np.where(frame > frame.mean(), "more", "less")
    return brought(DecisionTreeClassifier(max_depth=3, min_samples_leaf=9, random_state=0), frame, target)


def several_numbers() -> Brought:
    """Two numbers a row."""
    frame = people()[["height", "age"]].astype(float)
    return brought(LinearRegression(), frame, frame.to_numpy() @ [[0.1, 0.3], [0.7, -1 / 3]])


def booleans() -> Brought:
    """Columns and labels of truth values, and a number."""
    frame = people()
    truths = frame.assign(tall=frame["height"] > 170, old=frame["age"] > 50)[["tall", "height", "old"]]
    return brought(LogisticRegression(), truths, np.asarray(truths["tall"] ^ (frame["city"] == "Berlin")))


def whole_numbers() -> Brought:
    """Columns of whole numbers."""
    frame = people().assign(weeks=np.arange(N) % 52)[["age", "weeks"]]
    return brought(make_pipeline(StandardScaler(), LogisticRegression()), frame, frame["age"] // 30)


def texts() -> Brought:
    """One column of texts."""
    words = np.array(["good", "bad", "film", "very", "not", "naïve", 'so "called"', "a, b"])
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"review": [" ".join(generator.choice(words, 8)) for _ in range(N)]}, dtype=object)
    target = np.where(frame["review"].str.contains("good"), "positive", "negative")
    columns = make_column_transformer((TfidfVectorizer(), "review"))
    return brought(make_pipeline(columns, LogisticRegression()), frame, target)


def dates() -> Brought:
    """A column of dates."""
    frame = people()
    since = pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(N) * 17, unit="h")
    dated = frame[["age"]].assign(since=since)
    apart = make_column_transformer(
        (FunctionTransformer(day_and_month), ["since"]), (StandardScaler(), ["age"])
    )
    return brought(
        make_pipeline(apart, LogisticRegression()), dated, np.where(frame["age"] > 50, "yes", "no")
    )


def labels() -> Brought:
    """Labels of which no other is known, and nothing may be missing."""
    frame = people()
    columns = make_column_transformer((StandardScaler(), ["age", "height"]), (OneHotEncoder(), ["city"]))
    target = np.where((frame["age"] > 50) ^ (frame["city"] == "Berlin"), ">50K", "<=50K")
    return brought(make_pipeline(columns, LogisticRegression()), frame, target)


def missing_values() -> Brought:
    """Numbers and labels of which some are missing, as in the census."""
    frame = people()
    frame["height"] = frame["height"].mask(frame.index % 7 == 0)
    frame["city"] = frame["city"].where(frame.index % 5 != 0, None)
    target = np.where(frame["age"] > 50, ">50K", "<=50K")
    return brought(mixed_pipeline(frame, LogisticRegression()), frame, target)


def adult(folder: Path) -> Brought:
    """The census."""
    frame = pd.read_csv(folder / "adult.csv", nrows=2_000)
    features = frame.drop(columns="income")
    features = features.astype(dict.fromkeys(features.select_dtypes("str").columns, object))
    return brought(mixed_pipeline(features, LogisticRegression(max_iter=500)), features, frame["income"])


MODELS: Mapping[str, Callable[[], Brought]] = {
    each.__name__.replace("_", " "): each
    for each in (
        wine,
        diabetes,
        several_targets,
        several_numbers,
        booleans,
        whole_numbers,
        texts,
        dates,
        labels,
        missing_values,
    )
}
