"""Versions of exported models: no pickle, no scikit-learn, and the recorded answers as the only judge."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, OneClassSVM

from app.models.importing.exported.publish_export import EXPORT_FILE, recertify_export
from app.models.loading import loader
from app.models.untrusted import ImportRefused
from tests.app.models.importing.exported.exports import answers, attributes, changed, exported
from tests.estimators import INCOME, PEOPLE
from tests.settings import ROOT

NUMBERS = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)), columns=list("abcd"))
LABELS = np.where(NUMBERS["a"] + NUMBERS["b"] ** 2 > 0.5, "yes", "no")


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0),
        GradientBoostingClassifier(n_estimators=5, random_state=0),
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 9]}
        ),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_classifier_answers_as_it_did_where_it_was_fitted(store, take_over, estimator):
    estimator.fit(NUMBERS.to_numpy(), LABELS)
    take_over(exported(estimator, NUMBERS))
    model, output = answers(store, NUMBERS.to_numpy())
    assert model.engine.name == "onnx"
    assert [model.output.classes[code] for code in output.values] == estimator.predict(
        NUMBERS.to_numpy()
    ).tolist()
    assert np.abs(output.probabilities - estimator.predict_proba(NUMBERS.to_numpy())).max() < 1e-6


CODES = NUMBERS.assign(c=np.random.default_rng(1).integers(0, 5, 60).astype(float))
TOWNS = NUMBERS.assign(town=pd.Categorical(np.random.default_rng(1).choice(["Bonn", "Oslo", "Rome"], 60)))
BOOSTING = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5, categorical_features=[2])
ONE_BY_ONE = {
    "support vectors": (SVC(), NUMBERS),
    "outliers": (OneClassSVM(), NUMBERS),
    "neighbours": (KNeighborsClassifier(algorithm="kd_tree"), NUMBERS),
    "neighbours, numbers": (KNeighborsRegressor(weights="distance"), NUMBERS),
    "mixture": (GaussianMixture(2, random_state=0), NUMBERS),
    "components and a forest": (make_pipeline(PCA(2), RandomForestClassifier(5, random_state=0)), NUMBERS),
    "codes of categories": (BOOSTING, CODES),
    "categories": (clone(BOOSTING).set_params(categorical_features="from_dtype"), TOWNS),
}


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_other_kinds_answer_as_they_did(store, take_over, name):
    estimator, frame = ONE_BY_ONE[name]
    rows = frame if "town" in frame else frame.to_numpy()
    target = NUMBERS["a"] if is_regressor(estimator) else np.where(LABELS == "yes", 1, 0)
    estimator.fit(rows, target)
    take_over(exported(estimator, frame.astype({"town": object}) if "town" in frame else frame))
    model, output = answers(store, frame.astype(object).to_numpy().tolist())
    assert model.engine.name == "onnx"
    classes = model.output.classes
    found = [classes[code] for code in output.values] if classes else output.values
    np.testing.assert_allclose(found, estimator.predict(rows), rtol=1e-9)


def test_regressor_with_missing_values_answers_as_it_did(store, take_over):
    holes = NUMBERS.mask(NUMBERS > 1.5)
    estimator = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5).fit(holes, NUMBERS["a"])
    take_over(exported(estimator, holes))
    rows = [[None if value != value else value for value in row] for row in holes.to_numpy().tolist()]
    assert np.allclose(answers(store, rows)[1].values, estimator.predict(holes))


def test_frame_of_numbers_and_labels_answers_as_it_did(store, take_over):
    columns = [("age", SimpleImputer(), ["age"]), ("city", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    estimator = make_pipeline(ColumnTransformer(columns), LogisticRegression()).fit(PEOPLE, INCOME)
    take_over(exported(estimator, PEOPLE))
    rows = [{"age": 25, "city": "Berlin"}, {"age": None, "city": "Zagreb"}]
    model, output = answers(store, rows)
    own = estimator.predict_proba(pd.DataFrame(rows).astype({"age": float}))
    assert np.abs(output.probabilities - own).max() < 1e-6
    assert model.signature.names == ("age", "city")


def test_version_holds_no_pickle_and_records_where_it_came_from(store, take_over):
    take_over(exported(LinearRegression().fit(NUMBERS.to_numpy(), NUMBERS["a"]), NUMBERS))
    metadata = store.metadata("v1")
    assert set(metadata["files"]) == {EXPORT_FILE, "model.onnx", "preprocessing.json", "explanation.npz"}
    assert metadata["libraries"] == {}
    assert metadata["exported_from"].keys() >= {"python", "numpy", "scikit-learn"}
    assert len(metadata["golden"]["rows"]) >= 20


WITHOUT = """
import sys
sys.modules["sklearn"] = None
from app.models.loading import loader
from app.models.repository.store import ModelStore
from pathlib import Path
model = loader.load(ModelStore(Path(sys.argv[1])), "v1", loader.LoadingOptions())
print(model.alone)
"""


def test_version_serves_without_scikit_learn(store, take_over):
    take_over(exported(LinearRegression().fit(NUMBERS.to_numpy(), NUMBERS["a"]), NUMBERS))
    command = [sys.executable, "-c", WITHOUT, str(store.root)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "it was exported, and holds no pickle"


def test_todays_library_is_never_asked(store, take_over, monkeypatch):
    content = exported(LogisticRegression().fit(NUMBERS.to_numpy(), LABELS), NUMBERS)

    def predict(*_):
        raise AssertionError("the rebuilt model was asked")

    monkeypatch.setattr(LogisticRegression, "predict", predict)
    monkeypatch.setattr(LogisticRegression, "predict_proba", predict)
    assert take_over(content) == "v1"


def test_parameters_that_do_not_give_the_recorded_answers_are_refused(store, take_over):
    content = exported(LogisticRegression().fit(NUMBERS.to_numpy(), LABELS), NUMBERS)

    def other_coefficients(document):
        intercept = attributes(document["model"], "intercept_")["array"]
        attributes(document["model"], "coef_")["array"] = intercept

    with pytest.raises(ImportRefused):
        take_over(changed(content, other_coefficients))
    number = {}
    changed(content, lambda document: number.update(attributes(document["model"], "coef_")))
    with pytest.raises(ImportRefused, match=r"labels differ; serve the pickle with the scikit-learn"):
        take_over(changed(content, arrays={number["array"]: np.ones((1, 4))}))
    assert store.versions() == []


def test_model_without_a_compiled_form_is_refused_in_one_sentence(take_over):
    content = exported(LogisticRegression().fit(NUMBERS.to_numpy(), LABELS), NUMBERS)

    def process(document):
        document["model"]["object"] = "sklearn.gaussian_process._gpc.GaussianProcessClassifier"

    with pytest.raises(ImportRefused, match=r"it holds a sklearn\.gaussian.*, which cannot be rebuilt"):
        take_over(changed(content, process))


def test_it_is_certified_again_from_the_export_beside_it(store, take_over):
    take_over(exported(LinearRegression().fit(NUMBERS.to_numpy(), NUMBERS["a"]), NUMBERS))
    path = store.root / "model_v1" / "metadata.json"
    metadata = json.loads(path.read_bytes())
    metadata["certificates"]["onnx"]["libraries"]["onnxruntime"] = "1.0.0"
    path.write_text(json.dumps(metadata))
    found = recertify_export(store, "v1")
    assert found["certificates"]["onnx"]["libraries"]["onnxruntime"] != "1.0.0"
    assert loader.load(store, "v1", loader.LoadingOptions()).engine.name == "onnx"


def test_scikit_learn_cannot_be_asked_for(store, take_over):
    take_over(exported(LinearRegression().fit(NUMBERS.to_numpy(), NUMBERS["a"]), NUMBERS))
    with pytest.raises(Exception, match="its original cannot serve: it was exported, and holds no pickle"):
        loader.load(store, "v1", loader.LoadingOptions(engine="sklearn"))
