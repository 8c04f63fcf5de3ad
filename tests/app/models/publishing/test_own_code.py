"""Code of the user's own: a module that travels with a version, and what is pickled by value."""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from textwrap import dedent

import numpy as np
import pytest

from app.exceptions import ArtifactInvalid, UnsupportedModel
from app.models.loading.loader import LoadingOptions, load
from app.models.loading.version_code import PYTHON, importable
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.estimators import BOXES, SumRegressor, fitted
from tests.settings import ROOT

pytestmark = pytest.mark.usefixtures("_versions_are_tried")

MODULE = """
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

class Times(RegressorMixin, BaseEstimator):
    def fit(self, rows, target=None):
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def predict(self, rows):
        from {module} import FACTOR
        return FACTOR * np.asarray(rows, dtype=float).sum(axis=1)

FACTOR = {factor}
"""
NOTEBOOK = """
import sys
import cloudpickle, joblib, numpy as np
from pathlib import Path
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

class Halved(TransformerMixin, BaseEstimator):
    def fit(self, rows, target=None):
        return self

    def transform(self, rows):
        return np.asarray(rows) / 2

rows = np.arange(60.0).reshape(20, 3)
model = make_pipeline(Halved(), FunctionTransformer(lambda rows: rows + 1), LinearRegression())
model.fit(rows, rows.sum(axis=1))
"""


@pytest.fixture
def module(tmp_path):
    """Write a module under a name of its own, so that no test finds another's."""
    count = iter(range(10))

    def write(factor, name=None):
        name = name or f"own_{tmp_path.name}_{next(count)}".replace("-", "_")
        path = tmp_path / f"{name}.py"
        path.write_text(MODULE.format(module=name, factor=factor))
        return path

    yield write
    for name in [name for name in sys.modules if name.startswith(f"own_{tmp_path.name}".replace("-", "_"))]:
        del sys.modules[name]


def times(path):
    """The module's model, of a class made anew."""
    with importable({path.name: path.read_bytes()}):
        return import_module(path.stem).Times().fit(BOXES.to_numpy())


def served(store, version, row):
    model = load(store, version, LoadingOptions())
    return model.engine.predict(np.array([row], dtype=float)).values.tolist()


def test_module_travels_with_its_version(store, module):
    path = module(factor=3)
    publish(store, times(path), sample=BOXES.to_numpy(), version="v1", code=[path])
    metadata = store.metadata("v1")
    assert metadata["code"] == [path.name]
    assert metadata["files"][path.name]["size"] == path.stat().st_size
    del sys.modules[path.stem]
    path.unlink()
    assert served(store, "v1", [1, 2, 3]) == [18.0]


def test_versions_keep_their_own_module_of_the_same_name(store, module):
    path = module(factor=3)
    publish(store, times(path), sample=BOXES.to_numpy(), version="v1", code=[path])
    path = module(factor=5, name=path.stem)
    publish(store, times(path), sample=BOXES.to_numpy(), version="v2", code=[path])
    old, new = (load(store, version, LoadingOptions()) for version in ("v1", "v2"))
    row = np.array([[1.0, 2.0, 3.0]])
    assert new.engine.predict(row).values.tolist() == [30.0]
    assert type(old.engine._estimator) is not type(new.engine._estimator)


def test_module_that_was_changed_in_the_store_is_not_run(store, module):
    path = module(factor=3)
    publish(store, times(path), sample=BOXES.to_numpy(), version="v1", code=[path])
    (store.root / "model_v1" / path.name).write_text("raise SystemExit")
    with pytest.raises(ArtifactInvalid, match=f"{path.name} does not match its recorded size and SHA-256"):
        load(store, "v1", LoadingOptions())


def test_without_its_module_a_model_is_refused_with_what_to_do(store, module):
    path = module(factor=3)
    with pytest.raises(
        UnsupportedModel, match=rf"needs the module '{path.stem}'.*or save the model with code="
    ):
        publish(store, times(path), sample=BOXES.to_numpy())
    assert store.versions() == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("latin.py", "latin.py is no text in UTF-8"),
        ("notes.txt", "notes.txt is no module"),
        ("my-module.py", "my-module.py is no module"),
        ("numpy.py", "would hide another module 'numpy': rename it"),
        ("sys.py", "would hide another module 'sys'"),
        ("app.py", "would hide another module 'app'"),
    ],
)
def test_file_that_is_no_module_of_ones_own_is_refused(store, tmp_path, name, reason):
    (tmp_path / name).write_bytes(b"NAME = '\xe9'" if name == "latin.py" else b"")
    with pytest.raises(UnsupportedModel, match=reason):
        publish(store, fitted(SumRegressor()), sample=BOXES.to_numpy(), code=[tmp_path / name])


def test_modules_may_import_each_other():
    files = {"own_first.py": b"from own_second import VALUE", "own_second.py": b"VALUE = 7"}
    with importable(files):
        import own_first
    assert own_first.VALUE == 7
    for name in ("own_first", "own_second"):
        del sys.modules[name]


def run(code, *arguments):
    command = [sys.executable, "-c", dedent(NOTEBOOK) + dedent(code), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


SAVE = """
from app.exceptions import UnsupportedModel
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore

for by_value in (False, True):
    try:
        print(publish(ModelStore(Path(sys.argv[1])), model, sample=rows, version="v1", by_value=by_value))
    except UnsupportedModel as error:
        print(error)
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The store that a notebook saved to, and what it printed."""
    root = tmp_path_factory.mktemp("notebook") / "models"
    root.mkdir()
    return ModelStore(root), run(SAVE, root).splitlines()


def test_lambdas_and_classes_of_a_notebook_are_saved_by_value(notebook):
    store, (refused, saved) = notebook
    assert "cannot be pickled" in refused
    assert refused.endswith("or save it with by_value=True")
    assert saved == "v1"
    assert store.metadata("v1")["pickled_by_value"] == PYTHON
    assert served(store, "v1", [1, 2, 3]) == pytest.approx([6.0])


def test_code_that_another_python_compiled_is_not_run(notebook, store):
    shutil.copytree(notebook[0].root / "model_v1", store.root / "model_v1")
    path = store.root / "model_v1" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pickled_by_value": "3.9"}))
    with pytest.raises(ArtifactInvalid, match=f"code that Python 3.9 compiled, this is {PYTHON}"):
        load(store, "v1", LoadingOptions())


def test_what_has_a_name_is_not_pickled_by_value(store):
    publish(store, fitted(SumRegressor()), sample=BOXES.to_numpy(), version="v1", by_value=True)
    assert "pickled_by_value" not in store.metadata("v1")
