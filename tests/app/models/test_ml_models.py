import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from app import create_app
from app.exceptions import InvalidInput, ModelNotLoaded, VersionNotFound, VersionRefused
from app.models.ml_models import MLModelManager, model_manager
from tests.conftest import configuration
from tests.estimators import BOXES, INCOME, NAMES, PEOPLE, SumClassifier, SumRegressor, fitted


@pytest.fixture
def manager(app):
    """The global manager with `SumClassifier` loaded, as plain Python has it."""
    return model_manager


def test_plain_python_loads_and_predicts_without_a_request(trained_dir):
    create_app(configuration(trained_dir))
    gc.collect()
    assert model_manager.load_model() == "synthetic"
    result = model_manager.predict(np.zeros(20))
    assert result["prediction"] in {0, 1, 2}
    assert list(result["probabilities"]) == ["class_0", "class_1", "class_2"]
    assert sum(result["probabilities"].values()) == pytest.approx(1)
    assert result["confidence"] == max(result["probabilities"].values())


def test_unbound_manager_says_what_to_do():
    with pytest.raises(RuntimeError, match="call create_app"):
        MLModelManager().predict(np.zeros(3))


@pytest.mark.parametrize(
    "features",
    [
        [9, 9, 9],
        (9, 9, 9),
        {"depth": 9, "width": 9, "height": 9},
        np.array([9.0, 9.0, 9.0]),
        np.array([9, 9, 9]),
        np.array([9, 9, 9], dtype=np.float32),
        np.array([[9.0, 9.0, 9.0]]),
        np.array([9, 9, 9], dtype=object),
    ],
)
def test_predict_takes_lists_arrays_and_names(manager, features):
    assert manager.predict(features)["prediction"] == 1


@pytest.mark.parametrize(
    "samples",
    [
        [[9, 9, 9], [1, 1, 1]],
        np.array([[9.0, 9.0, 9.0], [1.0, 1.0, 1.0]]),
        pd.DataFrame([[9, 9, 9], [1, 1, 1]], columns=NAMES),
        pd.DataFrame([[9, 9, 9], [1, 1, 1]], columns=NAMES)[NAMES[::-1]],
        [{"height": 9, "width": 9, "depth": 9}, np.ones(3).tolist()],
    ],
)
def test_batch_predict_answers_row_by_row(manager, samples):
    assert [result["prediction"] for result in manager.batch_predict(samples)] == [1, 0]


@pytest.mark.parametrize(
    "features",
    [
        np.zeros(4),
        np.zeros((2, 3)),
        np.zeros((1, 3, 3)),
        np.array([np.nan, 1, 2]),
        np.array([np.inf, 1, 2]),
        np.array([2**60, 1, 2]),
        np.array(["1", "2", "3"]),
        np.array([True, False, True]),
        np.array([1, None, 2], dtype=object),
        np.zeros(0),
        [1, 2, "x"],
        {"height": 1},
    ],
)
def test_row_that_does_not_fit_is_invalid_input(manager, features):
    with pytest.raises(InvalidInput) as refused:
        manager.predict(features)
    assert refused.value.details["errors"][0]["reason"]


@pytest.mark.parametrize("samples", [[], np.zeros((0, 3)), np.zeros(3), np.zeros((2, 4)), np.zeros((2, 0))])
def test_rows_that_do_not_fit_are_invalid_input(manager, samples):
    with pytest.raises(InvalidInput) as refused:
        manager.batch_predict(samples)
    assert refused.value.details["errors"][0]["field"] == "samples"


def test_missing_values_of_a_data_frame_reach_a_pipeline_that_imputes(serve):
    from sklearn.linear_model import LogisticRegression

    from app.models.training.estimators import mixed_pipeline

    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    serve(pipeline, sample=PEOPLE)
    rows = PEOPLE.iloc[:4]
    assert rows["age"].isna().any()
    predictions = [result["prediction"] for result in model_manager.batch_predict(rows)]
    assert predictions == pipeline.predict(rows).tolist()


def test_load_prefers_the_active_version_to_the_newest(empty_app):
    model_manager.save_model(fitted(SumRegressor()), version="old")
    model_manager.save_model(fitted(SumRegressor()), version="new", activate=False)
    assert model_manager.load_model() == "old"


def test_saving_activates_no_version_that_would_not_load(build_app):
    build_app()
    model_manager.save_model(fitted(SumRegressor()), version="sound")
    app = build_app(MODEL_SIGNING_KEY="k7Wq-0vR2_xT9mZp4Lb8")
    with app.app_context(), pytest.raises(VersionRefused, match="it is not signed"):
        model_manager.save_model(fitted(SumRegressor()), version="unsigned")
    assert model_manager.served_model.store.active() == "sound"


def test_without_an_active_version_load_takes_the_newest(empty_app):
    for version in ("b", "c", "a"):
        model_manager.save_model(fitted(SumRegressor()), version=version, activate=False)
    assert model_manager.load_model() == "a"


def test_load_takes_the_version_it_is_given(empty_app):
    model_manager.save_model(fitted(SumRegressor(factor=3.0)), version="one")
    model_manager.save_model(fitted(SumRegressor()), version="two")
    assert model_manager.load_model("one") == "one"
    assert model_manager.predict([1, 2, 3]) == {"prediction": 18.0}


def test_model_loaded_says_whether_there_is_one(empty_app):
    assert model_manager.model_loaded is False
    with pytest.raises(ModelNotLoaded):
        model_manager.predict(np.zeros(3))
    model_manager.save_model(fitted(SumRegressor()))
    assert model_manager.model_loaded is False
    model_manager.load_model()
    assert model_manager.model_loaded is True


def test_empty_store_has_nothing_to_load(empty_app):
    with pytest.raises(ModelNotLoaded):
        model_manager.load_model()


def test_version_that_failed_to_load_leaves_the_other_serving(manager):
    with pytest.raises(VersionNotFound, match="nothing-here"):
        manager.load_model("nothing-here")
    assert manager.predict([9, 9, 9])["prediction"] == 1


def test_saving_leaves_the_callers_model_alone(empty_app):
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=3, n_jobs=2, random_state=0).fit(BOXES, [0, 1] * 10)
    model_manager.save_model(forest, sample=BOXES)
    model_manager.load_model()
    assert forest.n_jobs == 2
    assert list(forest.feature_names_in_) == NAMES


def test_several_threads_at_once_each_get_their_own_answer(manager):
    rows = np.random.default_rng(0).uniform(0, 10, size=(400, 3))
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(manager.predict, rows))
    assert [result["prediction"] for result in results] == (rows.sum(axis=1) > 15).astype(int).tolist()


def test_answers_match_their_version_while_versions_change(build_app):
    client = build_app().test_client()
    model_manager.save_model(fitted(SumRegressor(factor=1.0)), version="plus")
    model_manager.save_model(fitted(SumRegressor(factor=-1.0)), version="minus")
    model_manager.load_model("plus")

    def ask(number):
        answer = client.application.test_client().post("/api/predict", json={"features": [number, 1, 0]})
        return number, answer.get_json()

    def switch(number):
        return model_manager.load_model(("plus", "minus")[number % 2])

    with ThreadPoolExecutor(6) as threads:
        switches = [threads.submit(switch, number) for number in range(20)]
        answers = list(threads.map(ask, range(200)))
        assert {future.result() for future in switches} == {"plus", "minus"}
    signs = {"plus": 1.0, "minus": -1.0}
    for number, answer in answers:
        assert answer["result"]["prediction"] == signs[answer["model_version"]] * (number + 1)


def test_a_classifier_may_be_saved_without_a_sample(empty_app):
    model_manager.save_model(fitted(SumClassifier()), metadata={"feature_names": NAMES})
    model_manager.load_model()
    assert model_manager.predict({"height": 9, "width": 9, "depth": 9})["prediction"] == 1
