"""Data frames of every dtype, texts, arrays of labels, and real data."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from app.models.training.estimators import mixed_pipeline
from tests.conformance import own_code
from tests.conformance.case import Brought, Case, take

SEED = 0
N = 400
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def people() -> tuple[pd.DataFrame, Any]:
    """Columns of every common dtype, with values missing in some, and who earns much."""
    generator = np.random.default_rng(SEED)
    age = generator.integers(18, 90, N)
    city = generator.choice(np.array(["Athens", "Berlin", "Cairo", "None", "NA"], dtype=object), N)
    height = generator.normal(170, 10, N)
    height[generator.random(N) < 0.1] = np.nan
    plan = generator.choice(np.array(["free", "paid", None], dtype=object), N)
    frame = pd.DataFrame(
        {
            "age": age,
            "height": height,
            "city": city,
            "plan": plan,
            "member": generator.random(N) < 0.5,
            "rooms": generator.integers(1, 5, N),
            "zip": [f"{number:05d}" for number in generator.integers(1, 20, N)],
        }
    )
    frame["zip"] = frame["zip"].astype(object)
    earns = (age > 45) ^ (city == "Berlin") ^ frame["member"].to_numpy()
    return frame, np.where(earns, "high", "low")


def unknowns(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows held out, with labels never seen among them."""
    changed = frame.copy()
    for name in frame.columns:
        if frame[name].dtype == object:
            changed.loc[changed.index[::7], name] = "never seen"
    return changed


def _bring(make: Any, frame: pd.DataFrame, target: Any, *, strange: bool = True) -> Brought:
    model = make().fit(frame.iloc[:300], target[:300])
    held = frame.iloc[300:]
    return Brought(model, frame.iloc[:300], unknowns(held) if strange else held)


def dtypes() -> Iterator[Case]:
    """The same columns in other dtypes, each asked for by a model that takes it."""
    frame, target = people()
    numbers, labels = ["age", "height", "rooms"], ["city", "plan", "zip"]
    one_hot = OneHotEncoder(handle_unknown="ignore")

    def usual(last: Any = None, **encoder: Any) -> Any:
        columns = ColumnTransformer(
            [
                ("n", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
                ("b", "passthrough", ["member"]),
                ("c", OneHotEncoder(**{"handle_unknown": "ignore"} | encoder), labels),
            ]
        )
        return make_pipeline(columns, last or LogisticRegression())

    as_str = frame.astype({"city": "str", "zip": "str"}).assign(plan=frame["plan"].astype("str"))
    nullable = frame.assign(
        age=frame["age"].astype("Int64").mask(frame.index % 9 == 0),
        member=frame["member"].astype("boolean").mask(frame.index % 11 == 0),
        height=frame["height"].astype("Float64"),
    )
    categories = frame[["age", "height", "city"]].astype({"city": "category"})
    ordered = frame[["age", "rooms"]].assign(
        rooms=pd.Categorical(frame["rooms"], categories=[1, 2, 3, 4], ordered=True)
    )
    wholes = frame[["age", "rooms"]]
    truths = frame[["age", "member"]]
    as_text = FunctionTransformer(own_code.as_text)
    objects = frame[["city", "plan"]]
    cases: dict[str, tuple[Any, pd.DataFrame]] = {
        "usual columns": (usual, frame),
        "usual columns, forest": (lambda: usual(RandomForestClassifier(20)), frame),
        "usual columns, histogram boosting": (
            lambda: usual(HistGradientBoostingClassifier(max_iter=10), sparse_output=False),
            frame,
        ),
        "usual columns, rare categories": (
            lambda: usual(min_frequency=30, handle_unknown="infrequent_if_exist"),
            frame,
        ),
        "usual columns, first dropped": (lambda: usual(drop="first"), frame),
        "unknown categories refused": (lambda: usual(handle_unknown="error"), frame),
        "strings": (usual, as_str),
        "nullable dtypes": (
            lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
            nullable[["age", "height", "member"]],
        ),
        "float32": (
            lambda: make_pipeline(StandardScaler(), LogisticRegression()),
            frame[["age", "rooms"]].astype("float32"),
        ),
        "float16": (
            lambda: make_pipeline(StandardScaler(), LogisticRegression()),
            frame[["rooms", "age"]].astype("float16"),
        ),
        "Float32": (
            lambda: make_pipeline(StandardScaler(), LogisticRegression()),
            frame[["age", "rooms"]].astype("Float32"),
        ),
        "int8": (
            lambda: make_pipeline(StandardScaler(), LogisticRegression()),
            frame[["rooms", "age"]].astype("int8"),
        ),
        "category dtype": (
            lambda: HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype"),
            categories,
        ),
        "ordered category of numbers": (
            lambda: HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype"),
            ordered,
        ),
        "whole numbers as text": (lambda: make_pipeline(as_text, one_hot, LogisticRegression()), wholes),
        "remainder of whole numbers": (
            lambda: make_pipeline(FunctionTransformer(own_code.remainder), DecisionTreeClassifier()),
            wholes,
        ),
        "one-hot of whole numbers": (lambda: make_pipeline(OneHotEncoder(), LogisticRegression()), wholes),
        "truth values": (lambda: DecisionTreeClassifier(), truths),
        "truth values as text": (lambda: make_pipeline(as_text, one_hot, LogisticRegression()), truths),
        "one-hot of truth values": (
            lambda: make_pipeline(OneHotEncoder(), LogisticRegression()),
            truths[["member"]],
        ),
        "None as a category": (
            lambda: make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
            objects,
        ),
        "ordinal, unknown NaN": (
            lambda: make_pipeline(
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), LogisticRegression()
            ),
            frame[["city", "zip"]],
        ),
        "ordinal, unknown NaN, trees": (
            lambda: make_pipeline(
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
                HistGradientBoostingClassifier(max_iter=5),
            ),
            frame[["city", "zip"]],
        ),
        "ordinal, unknown -1": (
            lambda: make_pipeline(
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                RandomForestClassifier(10),
            ),
            frame[["city", "zip"]],
        ),
        "ordinal, unknown refused": (
            lambda: make_pipeline(OrdinalEncoder(), RandomForestClassifier(10)),
            frame[["city", "zip"]],
        ),
        "target encoder": (
            lambda: make_pipeline(TargetEncoder(), LogisticRegression()),
            frame[["city", "zip"]],
        ),
        "frequent imputer": (
            lambda: make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot, LogisticRegression()),
            frame[["city", "plan"]].fillna(np.nan),
        ),
        "constant imputer, indicator": (
            lambda: make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression()),
            frame[["age", "height"]],
        ),
        "KNN imputer": (lambda: make_pipeline(KNNImputer(), LogisticRegression()), frame[["age", "height"]]),
        "missing indicator": (
            lambda: make_pipeline(make_union(SimpleImputer(), MissingIndicator()), LogisticRegression()),
            frame[["age", "height"]],
        ),
        "missing in another branch": (
            lambda: make_pipeline(
                make_column_transformer((SimpleImputer(), ["height"]), ("passthrough", ["age"])),
                KNeighborsClassifier(),
            ),
            frame[["age", "height"]],
        ),
        "missing in another branch, SVC": (
            lambda: make_pipeline(
                make_column_transformer((SimpleImputer(), ["height"]), (MinMaxScaler(), ["age"])), SVC()
            ),
            frame[["age", "height"]],
        ),
        "selected by dtype": (
            lambda: make_pipeline(
                make_column_transformer(
                    (one_hot, make_column_selector(dtype_include=object)), remainder="drop"
                ),
                LogisticRegression(),
            ),
            frame,
        ),
        "rest passed on": (
            lambda: make_pipeline(
                make_column_transformer((one_hot, ["city"]), remainder="passthrough"), LogisticRegression()
            ),
            frame[["age", "rooms", "city"]],
        ),
        "columns by position": (
            lambda: make_pipeline(
                make_column_transformer((StandardScaler(), [0, 1]), (one_hot, slice(2, 3))),
                LogisticRegression(),
            ),
            frame[["age", "rooms", "city"]],
        ),
        "integer column names": (
            lambda: DecisionTreeClassifier(),
            frame[["age", "rooms"]].rename(columns={"age": 7, "rooms": 3}),
        ),
        "this project's own pipeline": (
            lambda: mixed_pipeline(frame[["age", "height", "city", "plan", "member"]], LogisticRegression()),
            frame[["age", "height", "city", "plan", "member"]].astype({"plan": object}),
        ),
    }
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(frame.index * 17, unit="h")
    dated = frame[["age"]].assign(since=days)
    apart = ColumnTransformer(
        [("d", FunctionTransformer(own_code.day_and_month), ["since"])], remainder="passthrough"
    )
    cases |= {
        "dates": (lambda: make_pipeline(apart, LogisticRegression()), dated),
        "dates with a time zone": (
            lambda: make_pipeline(apart, RandomForestClassifier(5, random_state=0)),
            dated.assign(
                since=days.tz_localize("Europe/Berlin", ambiguous=False, nonexistent="shift_forward")
            ),
        ),
        "dates, some missing": (
            lambda: make_pipeline(apart, LogisticRegression()),
            dated.assign(since=dated["since"].mask(frame.index % 7 == 0)),
        ),
        "dates of Python": (
            lambda: make_pipeline(
                ColumnTransformer(
                    [("d", FunctionTransformer(own_code.as_ordinals), ["since"])], remainder="passthrough"
                ),
                StandardScaler(),
                LogisticRegression(),
            ),
            dated.assign(since=pd.Series(days.date, dtype=object)),
        ),
    }
    for name, (make, columns) in cases.items():
        yield Case(f"frame: {name}", partial(_bring, make, columns, target))


def _steps_bring(step: Any, last: Any, *, missing: bool) -> Brought:
    generator = np.random.default_rng(SEED)
    rows = np.abs(generator.normal(5, 2, size=(500, 4)))
    target = (
        (rows[:, 0] + rows[:, 1] > 10).astype(int) if hasattr(last, "predict_proba") else rows.sum(axis=1)
    )
    if missing:
        rows[generator.random(rows.shape) < 0.1] = np.nan
    model = make_pipeline(step, last).fit(rows[:300], target[:300])
    odd = np.array([[-5.0, 1, 1, 1], [0, 0, 0, 0], [1e308, 1, 1, 1], [1e15, -1e15, 1, 1], [1, 2, 3, 1e200]])
    return Brought(model, rows[:300], np.concatenate([rows[300:], odd]))


def steps() -> Iterator[Case]:
    """One transformation of numbers before a linear model, a tree and neighbours."""
    made = {
        "log": FunctionTransformer(np.log),
        "log1p": FunctionTransformer(np.log1p),
        "square root": FunctionTransformer(np.sqrt),
        "reciprocal": FunctionTransformer(np.reciprocal),
        "polynomial": PolynomialFeatures(3),
        "bins": KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
        "power": PowerTransformer(),
        "quantile": QuantileTransformer(n_quantiles=50),
        "spline": SplineTransformer(),
        "robust": RobustScaler(),
        "clipped": make_pipeline(StandardScaler(), MinMaxScaler(clip=True)),
        "scaled twice": make_pipeline(StandardScaler(), PolynomialFeatures(2), MinMaxScaler(clip=True)),
    }
    lasts = {
        "logistic": LogisticRegression(max_iter=500),
        "tree": DecisionTreeClassifier(max_depth=5, random_state=SEED),
        "histogram": HistGradientBoostingClassifier(max_iter=10),
        "neighbours": KNeighborsClassifier(),
        "linear": LinearRegression(),
        "Poisson": PoissonRegressor(),
    }
    for title, step in made.items():
        for name, last in lasts.items():
            yield Case(f"step: {title}, {name}", partial(_steps_bring, step, last, missing=False))
    for name in ("logistic", "tree", "histogram"):
        imputer = make_pipeline(SimpleImputer(), StandardScaler())
        yield Case(f"step: imputer, {name}", partial(_steps_bring, imputer, lasts[name], missing=True))
    yield Case(
        "missing values, forest",
        partial(_steps_bring, "passthrough", RandomForestClassifier(10), missing=True),
    )
    yield Case(
        "missing values, histogram", partial(_steps_bring, "passthrough", lasts["histogram"], missing=True)
    )
    regressor = HistGradientBoostingRegressor(max_iter=10)
    yield Case("missing values, regression", partial(_steps_bring, "passthrough", regressor, missing=True))


def _texts_bring(vectorizer: Any, last: Any) -> Brought:
    generator = np.random.default_rng(SEED)
    words = np.array(
        ["a", "good", "bad", "film", "plot", "not", "very", "never", "dull", "bright", "naïve", "über"]
    )
    texts = [" ".join(generator.choice(words, 8)) for _ in range(400)]
    target = ["good" if "good" in text and "not" not in text else "bad" for text in texts]
    model = make_pipeline(vectorizer, last).fit(texts[:300], target[:300])
    return Brought(model, texts[:300], [*texts[300:], "", "!!!", "日本語", "Good, GOOD film"])


# Naive Bayes takes no negative numbers, and trees are slow with a million columns.
NOT_FITTED = {
    ("hashed", "bayes"),
    ("hashed, a million columns", "bayes"),
    ("hashed, a million columns", "forest"),
}


def texts() -> Iterator[Case]:
    """Texts, counted and weighted."""
    made = {
        "counts": CountVectorizer(),
        "TF-IDF": TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        "characters": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
        "accents": TfidfVectorizer(strip_accents="unicode"),
        "hashed": HashingVectorizer(n_features=64),
        "hashed, a million columns": HashingVectorizer(),
        "hashed, counted": HashingVectorizer(n_features=2**12, alternate_sign=False),
        "own preparation": make_pipeline(FunctionTransformer(own_code.shout), CountVectorizer()),
    }
    lasts = {"logistic": LogisticRegression(), "forest": RandomForestClassifier(10), "bayes": MultinomialNB()}
    for title, vectorizer in made.items():
        for name, last in lasts.items():
            if (title, name) not in NOT_FITTED:
                yield Case(f"texts: {title}, {name}", partial(_texts_bring, vectorizer, last))
    yield Case("texts: a series", _series_bring)


def _series_bring() -> Brought:
    brought = _texts_bring(CountVectorizer(), LogisticRegression())
    sample, asked = pd.Series(brought.sample), pd.Series(brought.rows)
    target = brought.model.predict(brought.sample)
    steps = (FunctionTransformer(own_code.lowered), CountVectorizer(lowercase=False), LogisticRegression())
    return Brought(make_pipeline(*steps).fit(sample, target), sample, asked)


def _labels_bring(target: Any) -> Brought:
    rows = np.random.default_rng(SEED).normal(size=(len(target), 3))
    return Brought(LogisticRegression().fit(rows[:150], target[:150]), rows[:150], rows[150:])


def labels() -> Iterator[Case]:
    """Classes of every kind that JSON knows."""
    codes = np.random.default_rng(SEED).integers(0, 3, 200)
    for name, kinds in {
        "texts": np.array(["a", "b", "c"]),
        "objects": np.array(["None", "NA", "x"], dtype=object),
        "large whole numbers": np.array([10**6, -5, 7]),
        "floats": np.array([1.0, 2.0, 3.0]),
        "truth values": np.array([True, False, True]),
    }.items():
        yield Case(f"classes: {name}", partial(_labels_bring, kinds[codes]))


def _adult_bring(last: Any) -> Brought:
    frame = pd.read_csv(SHARED / "adult.csv", nrows=3_000)
    features, target = frame.drop(columns=["income"]), frame["income"]
    features = features.astype(dict.fromkeys(features.select_dtypes("str").columns, object))
    model = mixed_pipeline(features, last).fit(features[:2_000], target[:2_000])
    return Brought(model, features[:2_000], unknowns(take(features, range(2_000, 2_300))))


def adult() -> Iterator[Case]:
    """Census data, where it is at hand."""
    if (SHARED / "adult.csv").is_file():
        yield Case("adult, logistic", partial(_adult_bring, LogisticRegression(max_iter=500)))
        yield Case("adult, forest", partial(_adult_bring, RandomForestClassifier(20, random_state=SEED)))
        yield Case("adult, histogram", partial(_adult_bring, HistGradientBoostingClassifier(max_iter=20)))
