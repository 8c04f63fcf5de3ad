"""Pages whose commands work in the project's folder: on files, keys, models of people."""

import gzip
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import joblib
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app import create_app
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.conftest import configuration
from tests.docs.sessions.session import Session
from tests.estimators import BOXES, INCOME, PEOPLE
from tests.settings import ROOT


@contextmanager
def checkout(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """The files of the project that commands of the shell name."""
    shutil.copy(ROOT / ".env.example", folder)
    yield Session(folder)


@contextmanager
def default_model(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """The model that ``make run`` trains first."""
    client = request.getfixturevalue("trained")("synthetic")
    yield Session(folder, client.application, same={"20261123_212901": "synthetic"})


@contextmanager
def boxes(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """An app on an empty repository, which the page's program makes."""
    app = create_app(configuration(folder / "models"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.create_app", lambda: app)
        yield Session(folder, app)


@contextmanager
def keys(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """An app with a file of keys, whose one key has the id that the page has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEYS_FILE", str(folder / "keys.jsonl"))
        patch.setenv("API_KEY_PEPPER", token_hex(32))
        app = create_app(configuration(folder / "models"))
        session = Session(folder, app)
        session.before = {"0f3b9c2d41aa": lambda: session.same.update({"0f3b9c2d41aa": only_id(folder)})}
        yield session


def only_id(folder: Path) -> str:
    """The id of the only key of the file."""
    (line,) = (folder / "keys.jsonl").read_text().splitlines()
    found: str = json.loads(line)["id"]
    return found


def people_pipeline() -> Pipeline:
    """A pipeline that says from age and city what people earn."""
    encoded = make_column_transformer((OneHotEncoder(), ["city"]), remainder=SimpleImputer())
    return make_pipeline(encoded, LogisticRegression()).fit(PEOPLE, INCOME)


@contextmanager
def people(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """A file of people, models, a forest with its scaler, and an app on an empty repository."""
    PEOPLE.assign(income=INCOME).to_csv(folder / "people.csv", index=False)
    scaler = StandardScaler().fit(BOXES.to_numpy())
    forest = RandomForestClassifier(n_estimators=3, random_state=0)
    forest.fit(scaler.transform(BOXES.to_numpy()), [0, 1] * 10)
    skops.io.dump(DummyClassifier().fit(PEOPLE, INCOME), folder / "model.skops")  # quick to certify
    app = create_app(configuration(folder / "models"))
    session = Session(folder, app)
    session.names = {"forest": forest, "scaler": scaler, "training_rows": BOXES.to_numpy()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DIR", str(folder / "models"))
        yield session


FEATURES = '''def with_decade(rows):
    """The rows with the decade of each age as a further column."""
    return rows.assign(decade=rows["age"] // 10)
'''
# In a process of its own: the module would be known to this one afterwards.
FIT = """
import joblib, pandas, skops.io, sklearn.datasets
from features import with_decade
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from xgboost import XGBClassifier

people = pandas.read_csv("people.csv")
encoded = make_column_transformer((OneHotEncoder(), ["city"]), remainder=SimpleImputer())
model = make_pipeline(FunctionTransformer(with_decade), encoded, LogisticRegression())
model.fit(people[["age", "city"]], people["income"])
joblib.dump(model, "grouped.pkl")
skops.io.dump(model, "grouped.skops")
iris = sklearn.datasets.load_iris(as_frame=True).frame
iris.to_csv("iris.csv", index=False)
XGBClassifier(n_estimators=2).fit(iris.drop(columns="target"), iris["target"]).save_model("iris.ubj")
"""


@contextmanager
def own_models(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """Files of people and irises, a module, and models that need it."""
    PEOPLE.assign(income=INCOME).to_csv(folder / "people.csv", index=False)
    (folder / "features.py").write_text(FEATURES)
    app = create_app(configuration(folder / "models"))
    session = Session(folder, app)
    session.shell(f"python - <<'END'\n{FIT}\nEND")
    assert session.status == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "OMP_NUM_THREADS", "1"
        )  # on busy machines threads wait for each other, single rows above all
        patch.setenv("MODELS_DIR", str(folder / "models"))
        yield session


@contextmanager
def pickles(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """A file of people, and later a repository with the version ``monday``."""
    PEOPLE.assign(income=INCOME).to_csv(folder / "people.csv", index=False)
    store = ModelStore(request.getfixturevalue("tmp_path_factory").mktemp("store") / "models")
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(BOXES.to_numpy(), [0, 1] * 10)
    publish(store, forest, sample=BOXES, version="monday")
    before = {"model_monday/model.pkl": lambda: (folder / "models").symlink_to(store.root)}
    yield Session(folder, create_app(configuration(store.root)), before=before)
    assert not (folder / "i-was-here").exists()


@contextmanager
def old_model(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """A repository with a version, and beside it a pickle, a sample and the program that exports."""
    BOXES.assign(income=[0, 1] * 10).to_csv(folder / "sample.csv", index=False)
    joblib.dump(LogisticRegression().fit(BOXES, [0, 1] * 10), folder / "model.pkl")
    shutil.copy(ROOT / "tools" / "export_model.py", folder)
    store = ModelStore(folder / "models")
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(BOXES.to_numpy(), [0, 1] * 10)
    publish(store, forest, sample=BOXES, version="monday")
    yield Session(folder, create_app(configuration(store.root)))


@contextmanager
def yesterday(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """A log of yesterday, with the answers of today."""
    line = {"request": {"features": [1, 2, 3]}, "response": {"result": {"prediction": 0}}}
    (folder / "yesterday.jsonl.gz").write_bytes(gzip.compress(json.dumps(line).encode()))
    store = ModelStore(folder / "models")
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(BOXES.to_numpy(), [0, 1] * 10)
    store.activate(publish(store, forest, sample=BOXES, version="monday"))
    yield Session(folder, create_app(configuration(store.root)))
