"""One entry of the table and one module add an engine; this module is one."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from app.exceptions import ArtifactInvalid
from app.models.engines import ENGINES, EngineEntry
from app.models.engines.kernel import KernelSpec, load_kernel
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from config import ConfigError

FILE = "linear.json"
ROWS = np.random.default_rng(0).normal(size=(100, 3))


class LinearKernel:
    name = "numpy"

    def __init__(self, content, spec):
        self.spec = spec
        self._weights, self._intercept = json.loads(content)

    def run(self, matrix):
        return matrix @ np.array(self._weights)[:, None] + self._intercept


def compilers(estimator):
    def compile_linear(estimator, output, width):
        content = json.dumps([estimator.coef_.tolist(), float(estimator.intercept_)]).encode()
        return content, KernelSpec(FILE, "float64", rounded=False, reading="values"), False

    return {"linear": compile_linear}


def uninstalled(estimator):
    raise ModuleNotFoundError("No module named 'imaginary'", name="imaginary")


def entry(name="compilers"):
    return EngineEntry(("numpy",), f"{__name__}:LinearKernel", f"{__name__}:{name}", ("imaginary",))


@pytest.fixture
def model():
    return LinearRegression().fit(ROWS, ROWS @ [1.0, 2.0, 3.0] + 4.0)


def test_one_entry_and_one_module_add_an_engine(monkeypatch, store, model, build_app):
    monkeypatch.setitem(ENGINES, "numpy", entry())
    version = publish(store, model, sample=ROWS)
    certificate = store.metadata(version)["certificates"]["numpy"]
    assert certificate["certified"], certificate["reason"]
    assert list(certificate["libraries"]) == ["numpy"]
    app = build_app(MODEL_ENGINE="numpy")
    assert app.extensions["model_registry"].default.load(version).engine.name == "numpy"
    answer = app.test_client().post("/api/predict", json={"features": [1.0, 1.0, 1.0]}).get_json()
    assert answer["result"]["prediction"] == pytest.approx(10.0)


def test_a_version_of_an_engine_that_is_gone_serves_on_the_model_and_says_so(
    monkeypatch, store, model, caplog
):
    with monkeypatch.context() as patch:
        patch.setitem(ENGINES, "numpy", entry())
        version = publish(store, model, sample=ROWS)
    path = store.folder(version) / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"engine": "numpy"}))
    assert load(store, version, LoadingOptions()).engine.name == "sklearn"
    assert caplog.records[-1].reason == "this release has no such engine"
    with pytest.raises(ArtifactInvalid, match="no such engine"):
        load(store, version, LoadingOptions(engine="numpy"))


def test_an_engine_without_its_compiler_is_uncertified_and_says_what_to_install(
    monkeypatch, store, model, caplog
):
    monkeypatch.setitem(ENGINES, "numpy", entry("uninstalled"))
    version = publish(store, model, sample=ROWS)
    assert store.metadata(version)["certificates"]["numpy"]["reason"] == "not installed: imaginary"
    assert "imaginary" in [getattr(record, "missing_package", None) for record in caplog.records]


def test_a_setting_that_names_no_engine_is_refused_with_those_that_exist(build_app):
    with pytest.raises(ConfigError, match=r"MODEL_ENGINE='onyx': Must be one of: auto, sklearn, onnx\."):
        build_app(MODEL_ENGINE="onyx")


@pytest.mark.parametrize("name", ["sklearn", "onyx"])
def test_only_compiled_engines_have_a_kernel(name):
    with pytest.raises(KeyError):
        load_kernel(name, b"", KernelSpec(FILE, "float64", rounded=False, reading="values"))
