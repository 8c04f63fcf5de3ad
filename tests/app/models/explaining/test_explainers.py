"""Which versions can be explained, by what, and why others cannot."""

import gc
import json
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    cluster,
    decomposition,
    ensemble,
    linear_model,
    neighbors,
    neural_network,
    preprocessing,
    svm,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.impute import KNNImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from app.exceptions import InvalidInput
from app.models.explaining import explainers
from app.models.explaining.explainers import explain, explainer_of
from app.models.explaining.explanation import NotExplainable
from app.models.importing.exported.publish_export import import_export
from app.models.loading.loader import LoadingOptions
from app.models.publishing.publish import publish, recertify
from app.models.repository.store import ModelStore
from app.models.serving.served_model import ServedModel
from tests.app.models.explaining.conftest import contributions, explained
from tests.app.models.importing.exported.exports import exported
from tests.estimators import BOXES, SumClassifier, fitted
from tests.settings import ROOT

ROWS = np.random.default_rng(0).normal(size=(80, 3))
LABELS = (ROWS.sum(axis=1) > 0).astype(int)
LOGISTIC = linear_model.LogisticRegression
FOREST = ensemble.RandomForestClassifier(4, random_state=0)

REFUSED = [
    (svm.SVC(), LABELS, "SVC has no exact explanation"),
    (neighbors.KNeighborsClassifier(), LABELS, "KNeighborsClassifier has no exact explanation"),
    (neural_network.MLPClassifier(max_iter=5), LABELS, "MLPClassifier has no exact explanation"),
    (ensemble.VotingClassifier([("a", LOGISTIC())]), LABELS, "VotingClassifier has no exact explanation"),
    (ensemble.StackingClassifier([("a", LOGISTIC())], cv=2), LABELS, "StackingClassifier has no exact"),
    (CalibratedClassifierCV(LOGISTIC(), cv=2), LABELS, "CalibratedClassifierCV has no exact explanation"),
    (cluster.KMeans(2, n_init=1), None, "KMeans has no exact explanation"),
    (preprocessing.StandardScaler(), None, "StandardScaler has no exact explanation"),
    (linear_model.LinearRegression(), ROWS[:, :2], "LinearRegression predicts several targets"),
    (make_pipeline(decomposition.PCA(2), FOREST), LABELS, "PCA mixes columns"),
    (make_pipeline(preprocessing.PolynomialFeatures(), FOREST), LABELS, "PolynomialFeatures mixes columns"),
    (make_pipeline(Nystroem(n_components=5), LOGISTIC()), LABELS, "Nystroem mixes columns"),
    (make_pipeline(KNNImputer(), LOGISTIC()), LABELS, "KNNImputer mixes columns"),
    (make_pipeline(preprocessing.Normalizer(), LOGISTIC()), LABELS, "Normalizer mixes columns"),
    (SumClassifier(), LABELS, "SumClassifier has no exact explanation"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("model", "target", "reason"), REFUSED, ids=[each[2][:24] for each in REFUSED])
def test_a_model_without_an_exact_explanation_is_refused_by_its_name(served, model, target, reason):
    served_model = served(model.fit(ROWS, target), ROWS)
    assert reason in refusal(served_model)
    assert served_model.predict(ROWS[:1]).explanations == ()


def refusal(served_model, rows=ROWS):
    with pytest.raises(InvalidInput) as caught:
        served_model.predict(rows[:1], explain=2)
    (error,) = caught.value.errors
    assert error["field"] == "explain"
    return error["reason"]


def test_a_model_whose_answers_do_not_follow_from_its_weights_is_refused(served):
    class Rounded(linear_model.LinearRegression):
        def predict(self, rows):
            return np.round(super().predict(rows))

    Rounded.__module__, Rounded.__qualname__ = __name__, "Rounded"
    globals()["Rounded"] = Rounded
    model = Rounded().fit(ROWS, ROWS.sum(axis=1))
    assert "do not follow from the sums" in refusal(served(model, ROWS))


def edited(store, edit):
    path = store.root / "model_v1" / "metadata.json"
    metadata = json.loads(path.read_text())
    edit(metadata)
    path.write_text(json.dumps(metadata))


def reloaded(store):
    served_model = ServedModel(store, LoadingOptions())
    served_model.load("v1")
    return served_model


def test_a_linear_version_from_before_explanations_is_refused_until_it_is_certified_again(served):
    store = served(LOGISTIC().fit(ROWS, LABELS), ROWS).store
    edited(store, lambda metadata: (metadata.pop("explanation"), metadata["files"].pop("explanation.npz")))
    (store.root / "model_v1" / "explanation.npz").unlink()
    assert "publish it again, or certify it again" in refusal(reloaded(store))
    golden = np.array(recertify(store, "v1")["golden"]["rows"])
    (found,) = explained(reloaded(store), ROWS[:1])
    model = LOGISTIC().fit(ROWS, LABELS)
    sign = 1 if found["class"] else -1
    assert found["base_value"] == pytest.approx(sign * model.decision_function(golden).mean())


def test_certifying_again_keeps_the_means_of_the_training_sample(served):
    before = served(LOGISTIC().fit(ROWS, LABELS), ROWS)
    expected = before.predict(ROWS[:1], explain=2).explanations
    recertify(before.store, "v1")  # after which another engine may answer, but none of them explains
    assert reloaded(before.store).predict(ROWS[:1], explain=2).explanations == expected


def test_trees_from_before_explanations_are_explained(served):
    store = served(FOREST.fit(ROWS, LABELS), ROWS).store
    edited(store, lambda metadata: metadata.pop("explanation"))
    (found,) = explained(reloaded(store), ROWS[:1])
    assert found["margin"] == pytest.approx(found["answer"]["confidence"])


def test_a_linear_version_without_a_sample_is_refused(served):
    assert "without a sample of its training data" in refusal(served(LOGISTIC().fit(ROWS, LABELS), None))


def test_trees_need_no_sample(served):
    assert len(explained(served(FOREST.fit(ROWS, LABELS), None), ROWS[:2])) == 2


def alone(served, model):
    """The version as it serves where its pickle may not be loaded any more."""
    store = served(model.fit(ROWS, LABELS), ROWS).store
    edited(store, lambda metadata: metadata["libraries"].update({"scikit-learn": "0.24.0"}))
    (store.root / "model_v1" / "model.pkl").write_bytes(b"")
    edited(store, lambda metadata: metadata["files"].pop("model.pkl"))
    served_model = reloaded(store)
    assert served_model.model.alone
    return served_model


def test_a_linear_version_that_serves_alone_is_explained_by_what_it_recorded(served):
    model = make_pipeline(preprocessing.StandardScaler(), LOGISTIC())
    (found,) = explained(alone(served, model), ROWS[:1])
    sign = 1 if found["class"] else -1
    added = model[-1].coef_[0] / model[0].scale_ * (ROWS[0] - ROWS.mean(axis=0)) * sign
    assert [contributions(found)[f"feature_{i}"] for i in range(3)] == pytest.approx(added.tolist())


def test_trees_that_serve_alone_are_refused(served):
    assert "serves without its original model" in refusal(alone(served, FOREST))


def test_an_exported_linear_model_is_explained_without_a_pickle(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    model = make_pipeline(preprocessing.StandardScaler(), LOGISTIC()).fit(frame, LABELS)
    (tmp_path / "old.export").write_bytes(exported(model, frame))
    (tmp_path / "models").mkdir()
    store = ModelStore(tmp_path / "models")
    import_export(store, tmp_path / "old.export", version="v1")
    (found,) = explained(reloaded(store), ROWS[:1])
    sign = 1 if found["class"] else -1
    added = model[-1].coef_[0] / model[0].scale_ * (ROWS[0] - ROWS.mean(axis=0)) * sign
    assert [contributions(found)[name] for name in "abc"] == pytest.approx(added.tolist())


def test_exported_trees_are_explained_without_a_pickle(tmp_path):
    frame = pd.DataFrame({"a": ROWS[:, 0], "b": ROWS[:, 1], "c": np.arange(80) % 5})
    target = frame["a"] + (frame["c"] == 3) * 4
    forest = ensemble.RandomForestRegressor(4, random_state=0)
    boosting = ensemble.HistGradientBoostingRegressor(
        max_iter=4, categorical_features=[2], min_samples_leaf=4, early_stopping=False
    )
    for number, model in enumerate((forest, boosting)):
        store = ModelStore(tmp_path / str(number))
        store.root.mkdir()
        (tmp_path / "old.export").write_bytes(exported(model.fit(frame, target), frame))
        import_export(store, tmp_path / "old.export", version="v1")
        apart = ModelStore(tmp_path / f"own{number}")
        publish(apart, model, sample=frame, version="v1")
        rows = frame.iloc[:6].to_dict("records")
        for found, own in zip(
            explained(reloaded(store), rows), explained(reloaded(apart), rows), strict=True
        ):
            assert contributions(found) == pytest.approx(contributions(own), abs=1e-9)
            assert found["margin"] == pytest.approx(found["answer"]["prediction"])


def test_without_the_package_the_refusal_says_how_to_install_it(served, monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    assert "pip install -r requirements-explain.txt" in refusal(served(FOREST.fit(ROWS, LABELS), ROWS))


def test_linear_models_need_no_package(served, monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    assert len(explained(served(LOGISTIC().fit(ROWS, LABELS), ROWS), ROWS[:1])) == 1


def test_the_explainer_of_a_version_is_made_once_and_goes_with_it(served):
    served_model = served(FOREST.fit(ROWS, LABELS), ROWS)
    first = explainer_of(served_model.model, served_model.store)
    assert explainer_of(served_model.model, served_model.store) is first
    gone, version = weakref.ref(first.attribute), weakref.ref(served_model.model)
    del first
    served_model.load("v1")
    gc.collect()
    assert (gone(), version()) == (None, None)


def test_a_row_with_missing_values_goes_where_the_model_sends_it(served):
    holes = np.where(np.arange(240).reshape(80, 3) % 7 == 0, np.nan, ROWS)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(holes, LABELS)
    (found,) = explained(served(model, holes), [[None, 0.5, None]])
    assert found["margin"] == pytest.approx(model.predict_proba([[np.nan, 0.5, np.nan]])[0].max())
    assert {each["name"]: each["value"] for each in found["contributions"]}["feature_0"] is None


def test_a_clamped_value_is_shown_as_it_was_used(served):
    served_model = served(
        linear_model.LinearRegression().fit(BOXES, BOXES.sum(axis=1)), BOXES, policy="clamp", tolerance=0.0
    )
    (found,) = explained(served_model, [[100.0, 5.0, 5.0]], columns=1)
    assert found["contributions"][0]["value"] == 10.0


class Picky(preprocessing.StandardScaler):
    """A scaler that is lost on large numbers, in explanations alone."""

    asked = 0

    def transform(self, rows, copy=None):
        return super().transform(rows) if Picky.asked == 0 else 1 / Picky.asked[0]


def test_what_a_transformer_raises_for_a_row_is_no_error_of_the_service(served, monkeypatch):
    model = make_pipeline(Picky(), LOGISTIC()).fit(ROWS[:, :1], LABELS)
    served_model = served(model, ROWS[:, :1])
    explained(served_model, ROWS[:1, :1])
    prediction = served_model.predict(ROWS[:1, :1])
    monkeypatch.setattr(Picky, "asked", 1)
    with pytest.raises(NotExplainable, match="this row cannot be explained: TypeError"):
        explain(
            served_model.model, served_model.store, ROWS[:1, :1], prediction.output.values.tolist(), columns=1
        )


@pytest.mark.parametrize("columns", [0, -1, True, 2.0, "3"])
def test_the_number_of_columns_must_be_a_whole_one(served, columns):
    served_model = served(fitted(SumClassifier()), BOXES)
    with pytest.raises(InvalidInput) as caught:
        served_model.predict([[1.0, 2.0, 3.0]], explain=columns)
    assert caught.value.errors == [{"field": "explain", "reason": "must be a whole number from 1 on"}]


PROGRAM = """
import sys
from pathlib import Path
from app.models.loading.loader import LoadingOptions
from app.models.repository.store import ModelStore
from app.models.serving.served_model import ServedModel
served = ServedModel(ModelStore(Path(sys.argv[1])), LoadingOptions())
served.load("v1")
served.predict([[1.0, 2.0, 3.0]])
print(sorted({"shap", "numba", "sklearn", "app.models.explaining"} & set(sys.modules)))
served.predict([[1.0, 2.0, 3.0]], explain=2)
print(sorted({"shap", "numba", "sklearn"} & set(sys.modules)))
"""


@pytest.mark.parametrize(("model", "then"), [(LOGISTIC(), []), (FOREST, ["numba", "shap", "sklearn"])])
def test_nothing_is_imported_until_an_explanation_is_asked_for(tmp_path, model, then):
    store = ModelStore(tmp_path)
    publish(store, model.fit(ROWS, LABELS), sample=ROWS, version="v1")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", str(then)]


class Secretive(SumClassifier):
    coef_ = ("/secret/path",)
    intercept_ = 0.0


def test_the_reason_has_no_words_of_an_exception(served):
    """Clients that may only predict read it."""
    served_model = served(Secretive().fit(ROWS, LABELS), ROWS)
    assert refusal(served_model) == "the model cannot be taken apart: ValueError"


def test_an_explainer_that_is_made_waits_for_no_other(served):
    served_model = served(LOGISTIC().fit(ROWS, LABELS), ROWS)
    made = explainer_of(served_model.model, served_model.store)
    with ThreadPoolExecutor(1) as pool, explainers._making:  # as while another version's is made
        asked = pool.submit(explainer_of, served_model.model, served_model.store)
        assert asked.result(timeout=10) is made
