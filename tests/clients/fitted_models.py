"""Fitted models with rows to ask them: flowers by four numbers, their widths, and people with categories."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore

VERSION = "v1"
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
MANY = 10_000  # rows: what Spark sends at once
# Of the columns of `people`, as the Open Inference Protocol calls them.
DATATYPES = {"age": "FP64", "hours": "INT64", "workclass": "BYTES", "education": "BYTES"}


@cache
def flower_rows(count: int = 15) -> Any:
    """Rows of the iris data, and between them where there are more: float64 (count, 4)."""
    rows = load_iris().data
    if count <= len(rows):
        return rows[:: len(rows) // count][:count]
    random = np.random.default_rng(1)
    return random.uniform(rows.min(axis=0), rows.max(axis=0), (count, rows.shape[1]))


@cache
def people() -> pd.DataFrame:
    """Three hundred people; a tenth of the ages is missing."""
    random = np.random.default_rng(2)
    age = random.integers(18, 80, 300).astype(float)
    age[::10] = np.nan
    works = random.choice(["Private", "State-gov", "Self-emp"], 300)
    schools = random.choice(["Bachelors", "HS-grad", "Masters"], 300)
    hours = random.integers(10, 60, 300)
    return pd.DataFrame({"age": age, "hours": hours, "workclass": works, "education": schools})


@cache
def flower_model() -> Pipeline:
    """Species 0, 1 and 2 from a matrix without names."""
    data = load_iris()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)


@cache
def width_model() -> LinearRegression:
    """Width of a petal by the three other numbers."""
    data = load_iris().data
    return LinearRegression().fit(width_frame(data[:, :3]), data[:, 3])


def width_frame(rows: Any) -> pd.DataFrame:
    """What `width_model` takes."""
    return pd.DataFrame(rows, columns=NAMES[:3])


@cache
def people_model() -> Pipeline:
    """Income ``>50K`` or ``<=50K`` from a data frame."""
    frame = people()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, ["age", "hours"]),
        (OneHotEncoder(handle_unknown="ignore"), ["workclass", "education"]),
    )
    rich = (frame["hours"] > 35) ^ (frame["education"] == "Masters")
    return make_pipeline(columns, LogisticRegression()).fit(frame, np.where(rich, ">50K", "<=50K"))


def asked_people() -> pd.DataFrame:
    """The people that clients ask about: some have no age."""
    return people().iloc[:25]


def people_tensors() -> dict[str, tuple[str, list[Any]]]:
    """The same as datatype and values by column."""
    frame = asked_people()
    return {name: (datatype, frame[name].tolist()) for name, datatype in DATATYPES.items()}


def people_records() -> list[dict[str, Any]]:
    """The same as JSON can say it: a missing age is null."""
    frame = asked_people().astype(object)
    records: list[dict[str, Any]] = frame.where(frame.notna(), None).to_dict(orient="records")
    return records


def publish_all(store: ModelStore) -> None:
    """The flowers' model as the default one, and beside it ``widths`` and ``people``."""
    named = {"feature_names": NAMES}
    store.activate(publish(store, flower_model(), None, named, sample=load_iris().data, version=VERSION))
    numbers = width_frame(load_iris().data[:, :3])
    for name, model, sample in (("widths", width_model(), numbers), ("people", people_model(), people())):
        beside = ModelStore(store.root / name)
        beside.activate(publish(beside, model, sample=sample, version=VERSION))
