"""Own code that is served, and all that people hand over by mistake: refused in a sentence."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.conformance import own_code
from tests.conformance.case import Brought, Case

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(3, 1, size=(200, 2))
LABELS = (ROWS[:, 0] > 3).astype(int)
FRAME = pd.DataFrame(ROWS, columns=["height", "width"])
MIXED = [[int(a > 3), "u" if b > 3 else "v"] for a, b in ROWS]
TEXTS = pd.DataFrame({"height": ROWS[:, 0], "note": ["good" if label else "bad" for label in LABELS]})


def served() -> Iterator[Case]:
    """What people write themselves, clusterers and mixtures, small and large targets, shuffled columns."""
    odd = np.array([[-5.0, 1.0], [900.0, 1200.0], [1e300, 1e300]])
    own: dict[str, Callable[[], Brought]] = {
        "bases in the wrong order": lambda: _numbers(own_code.LyingTags().fit(ROWS, LABELS)),
        "text labels, bases in the wrong order": lambda: _numbers(
            own_code.LyingTags().fit(ROWS, np.where(LABELS, "yes", "no"))
        ),
        "answers in a column": lambda: _numbers(own_code.Column().fit(ROWS, ROWS[:, 0])),
        "columns by name": lambda: Brought(
            make_pipeline(own_code.ByName(), LinearRegression()).fit(FRAME, ROWS[:, 0]), FRAME, FRAME
        ),
        "not every row has an answer": lambda: Brought(
            own_code.Half().fit(ROWS, None), ROWS, np.concatenate([ROWS[:20], odd])
        ),
        "clusters": lambda: _numbers(KMeans(3, random_state=0).fit(ROWS)),
        "mixture": lambda: _numbers(GaussianMixture(2, random_state=0).fit(ROWS)),
        "outliers": lambda: _numbers(IsolationForest(random_state=0).fit(ROWS)),
        "outside of its range": lambda: Brought(
            IsotonicRegression().fit(ROWS[:, :1], ROWS[:, 1]),
            ROWS[:150, :1],
            np.append(ROWS[150:, :1], [[99.0]], axis=0),
        ),
        "tiny target": lambda: _numbers(LinearRegression().fit(ROWS, ROWS[:, 0] * 1e-4)),
        "huge target that hardly varies": lambda: _numbers(LinearRegression().fit(ROWS, 1e9 + ROWS[:, 0])),
        "several numbers a row": lambda: _numbers(
            LinearRegression().fit(ROWS, np.column_stack([ROWS, ROWS * 1e6]))
        ),
        "a sparse sample": lambda: Brought(
            LogisticRegression().fit(csr_matrix(ROWS), LABELS), csr_matrix(ROWS), ROWS
        ),
        "sparse columns": lambda: Brought(
            RandomForestClassifier(5).fit(FRAME, LABELS), FRAME.astype(pd.SparseDtype(float)), FRAME
        ),
        "decimals": lambda: Brought(
            RandomForestClassifier(5).fit(FRAME, LABELS), FRAME.map(lambda cell: Decimal(repr(cell))), FRAME
        ),
        "columns of the sample in another order": lambda: Brought(
            LogisticRegression().fit(FRAME, LABELS), FRAME[["width", "height"]], FRAME
        ),
        "scaler apart": lambda: Brought(
            LogisticRegression().fit(StandardScaler().fit_transform(ROWS), LABELS),
            ROWS,
            ROWS,
            scaler=StandardScaler().fit(ROWS),
        ),
        "step that passes on": lambda: _numbers(
            Pipeline([("nothing", "passthrough"), ("last", LogisticRegression())]).fit(ROWS, LABELS)
        ),
        "works on its rows in place": lambda: _numbers(
            make_pipeline(StandardScaler(copy=False), LogisticRegression()).fit(ROWS.copy(), LABELS)
        ),
        "works on a frame in place": lambda: Brought(
            make_pipeline(StandardScaler(copy=False), KNeighborsClassifier()).fit(FRAME.copy(), LABELS),
            FRAME[:150],
            FRAME[150:],
        ),
        "changes its rows": lambda: _numbers(own_code.InPlace().fit(ROWS, LABELS)),
        "looks something up": lambda: Brought(
            own_code.LooksUp().fit(ROWS, None), ROWS[:150], np.concatenate([ROWS[150:], [[1e3, 1e3]]])
        ),
        "a label for outliers": lambda: Brought(
            RadiusNeighborsClassifier(2.0, outlier_label=0).fit(ROWS, LABELS),
            ROWS[:150],
            np.concatenate([ROWS[150:], [[1e3, 1e3]]]),
        ),
        "rows of text and numbers": lambda: Brought(
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(MIXED, LABELS),
            MIXED[:150],
            np.array(MIXED[150:], dtype=object),
        ),
        "texts by position": lambda: Brought(
            make_pipeline(ColumnTransformer([("t", TfidfVectorizer(), 1)]), LogisticRegression()).fit(
                TEXTS, LABELS
            ),
            TEXTS[:150],
            TEXTS[150:],
        ),
        "columns by a slice of names": lambda: Brought(
            make_pipeline(
                ColumnTransformer([("s", StandardScaler(), slice("height", "width"))]), LogisticRegression()
            ).fit(FRAME, LABELS),
            FRAME[:150],
            FRAME[150:],
        ),
        "probabilities as a list": lambda: _numbers(own_code.Lists().fit(ROWS, LABELS)),
        "importances that cannot be had": lambda: _numbers(own_code.OddImportances().fit(ROWS, LABELS)),
        "whole numbers": lambda: _whole(),
        "many categories": lambda: _many_categories(),
    }
    yield from (Case(f"own: {name}", bring) for name, bring in own.items())


def _numbers(model: Any) -> Brought:
    return Brought(model, ROWS[:150], ROWS[150:])


def _whole() -> Brought:
    rows = GENERATOR.integers(0, 10, size=(200, 3))
    return Brought(RandomForestClassifier(5).fit(rows, rows[:, 0] > 5), rows[:150], rows[150:])


def _many_categories() -> Brought:
    names = np.array([f"item {number}" for number in range(1_200)], dtype=object)
    frame = pd.DataFrame({"item": np.concatenate([names, names])})
    target = np.arange(len(frame)) % 2
    model = make_pipeline(OneHotEncoder(handle_unknown="error"), LogisticRegression()).fit(frame, target)
    asked = pd.DataFrame({"item": ["item 3", "item 1199", "never seen"]}, dtype=object)
    return Brought(model, frame, asked)


def refused() -> Iterator[Case]:
    """What cannot be served."""
    linear = LogisticRegression().fit(ROWS, LABELS)
    named = LogisticRegression().fit(FRAME, LABELS)
    infinite = np.where(np.arange(len(ROWS))[:, None] == 3, np.inf, ROWS)
    levels = FRAME.set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]), axis="columns")
    brought: dict[str, Callable[[], tuple[Any, Any]]] = {
        "a dictionary": lambda: ({"model": linear}, ROWS),
        "None": lambda: (None, ROWS),
        "a class": lambda: (LogisticRegression, ROWS),
        "not fitted": lambda: (LogisticRegression(), ROWS),
        "pipeline that is not fitted": lambda: (make_pipeline(StandardScaler(), LogisticRegression()), ROWS),
        "labels without classes_": lambda: (own_code.NoClasses().fit(ROWS, LABELS), ROWS),
        "labels of bytes": lambda: (own_code.LyingTags().fit(ROWS, np.where(LABELS, b"yes", b"no")), ROWS),
        "several labels a row without classes_": lambda: (own_code.Several().fit(ROWS, LABELS), ROWS),
        "neither predicts nor transforms": lambda: (DBSCAN().fit(ROWS), ROWS),
        "a transformer to text": lambda: (own_code.ToText().fit(ROWS), ROWS),
        "target among the columns": lambda: (named, FRAME.assign(target=LABELS)),
        "target among the columns of an array": lambda: (linear, np.column_stack([ROWS, LABELS])),
        "column missing": lambda: (named, FRAME[["height"]]),
        "other names": lambda: (named, FRAME.rename(columns={"width": "breadth"})),
        "infinity in the sample": lambda: (linear, infinite),
        "no rows": lambda: (linear, ROWS[:0]),
        "a sparse sample that is too wide": lambda: (linear, csr_matrix((1_000, 100_000))),
        "names of several levels": lambda: (linear, levels),
        "a name that stands twice": lambda: (linear, FRAME.set_axis(["a", "a"], axis="columns")),
        "dates": lambda: (linear, FRAME.assign(width=pd.date_range("2026-01-01", periods=len(FRAME)))),
        "complex numbers": lambda: (linear, ROWS.astype(complex)),
        "rows of other lengths": lambda: (linear, [[1.0, 2.0], [1.0]]),
        "a number as a sample": lambda: (linear, 7),
        "a dictionary as a sample": lambda: (linear, {"height": [1.0], "width": [2.0]}),
        "three dimensions": lambda: (linear, ROWS[:, :, None]),
        "texts for numbers": lambda: (linear, FRAME.astype(str)),
        "whole numbers that JSON rounds": lambda: (_large_numbers(), LARGE),
        "infinity among objects": lambda: (linear, infinite.astype(object)),
        "a set as a sample": lambda: (linear, {1, 2}),
        "leaves the process": lambda: (own_code.Leaves().fit(ROWS, LABELS), ROWS),
        "cannot be pickled": lambda: (own_code.Unpicklable().fit(ROWS, LABELS), ROWS),
        "ColumnTransformer that is not fitted": lambda: (
            make_pipeline(ColumnTransformer([("s", StandardScaler(), [0])]), LogisticRegression()),
            ROWS,
        ),
        "a lambda inside": lambda: (make_pipeline(_lambda(), LogisticRegression()).fit(ROWS, LABELS), ROWS),
    }
    for name, bring in brought.items():
        yield Case(f"refused: {name}", partial(_as_brought, bring), refused=True)


def _as_brought(bring: Callable[[], tuple[Any, Any]]) -> Brought:
    model, sample = bring()
    return Brought(model, sample, None)


LARGE = pd.DataFrame({"id": 2**60 + GENERATOR.integers(0, 5, 200), "width": ROWS[:, 1]})


def _large_numbers() -> Any:
    return DecisionTreeClassifier().fit(LARGE, LABELS)


def _lambda() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(lambda rows: rows * 2)
