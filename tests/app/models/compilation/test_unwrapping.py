"""What only wraps an estimator costs neither its compiled form nor its answers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 # makes the import below possible
from sklearn.feature_selection import RFE, RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from app.models.compilation.unwrapping import unwrapped
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(150, 4))
LABELS = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
FRAME = pd.DataFrame(ROWS, columns=["a", "b", "c", "d"]).assign(kind=np.where(ROWS[:, 3] > 0, "u", "v"))
NUMBERS = ["a", "b", "c", "d"]
DEPTHS = {"max_depth": [2, 4]}


def forest():
    return RandomForestClassifier(4, random_state=0)


def numbers_and_kind(step):
    return ColumnTransformer([("n", step, NUMBERS), ("k", OneHotEncoder(), ["kind"])])


WRAPPED = {
    "grid": lambda: GridSearchCV(forest(), DEPTHS, cv=2),
    "randomized": lambda: RandomizedSearchCV(forest(), DEPTHS, n_iter=1, cv=2),
    "halving": lambda: HalvingGridSearchCV(forest(), DEPTHS, cv=2, random_state=0),
    "search in a search": lambda: GridSearchCV(GridSearchCV(forest(), DEPTHS, cv=2), {"refit": [True]}, cv=2),
    "search of pipelines": lambda: GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2
    ),
    "recursive elimination": lambda: RFE(forest(), n_features_to_select=2),
    "elimination by validation": lambda: RFECV(forest(), cv=2),
    "elimination as a step": lambda: make_pipeline(RFE(LogisticRegression()), StandardScaler(), forest()),
    "frozen": lambda: FrozenEstimator(forest().fit(ROWS, LABELS)),
    "pipelines in a pipeline": lambda: make_pipeline(
        make_pipeline(StandardScaler(), MinMaxScaler()), make_pipeline(PolynomialFeatures(2), forest())
    ),
    "union": lambda: make_pipeline(
        FeatureUnion([("s", StandardScaler()), ("p", make_pipeline(MinMaxScaler(), PolynomialFeatures(2)))]),
        forest(),
    ),
    "union with all and nothing": lambda: make_pipeline(
        FeatureUnion([("all", "passthrough"), ("none", "drop"), ("s", StandardScaler())]), forest()
    ),
}
BY_NAME = {
    "two column transformers": lambda: make_pipeline(
        numbers_and_kind(SimpleImputer()),
        ColumnTransformer([("s", StandardScaler(), [0, 1, 2])], remainder="passthrough"),
        forest(),
    ),
    "union in a column transformer": lambda: make_pipeline(
        numbers_and_kind(FeatureUnion([("s", StandardScaler()), ("m", MinMaxScaler())])), forest()
    ),
}


def served(store, model, sample, labels=LABELS):
    version = publish(store, model.fit(sample, labels), sample=sample)
    certificate = store.metadata(version)["certificates"]["onnx"]
    assert certificate["reason"] is None
    loaded = load(store, version, LoadingOptions(engine="onnx"))
    assert (store.metadata(version)["engine"], loaded.engine.name) == ("onnx", "onnx")


@pytest.mark.parametrize("name", WRAPPED)
def test_what_is_wrapped_serves_compiled(store, name):
    served(store, WRAPPED[name](), ROWS)


@pytest.mark.parametrize("name", BY_NAME)
def test_columns_are_prepared_side_by_side_at_any_place(store, name):
    served(store, BY_NAME[name](), FRAME)


def test_samplers_do_nothing_when_a_pipeline_predicts(store):
    pipeline = pytest.importorskip("imblearn.pipeline")
    sampling = pytest.importorskip("imblearn.over_sampling")
    served(store, pipeline.make_pipeline(StandardScaler(), sampling.RandomOverSampler(), forest()), ROWS)


def test_self_training_predicts_as_its_last_estimator(store):
    labels = np.where(np.arange(len(LABELS)) % 3, LABELS, -1)
    served(store, SelfTrainingClassifier(forest()), ROWS, labels)


def test_a_subclass_may_predict_otherwise():
    class Search(GridSearchCV):
        def predict(self, rows):
            return 1 - super().predict(rows)

    search = Search(forest(), DEPTHS, cv=2).fit(ROWS, LABELS)
    assert unwrapped(search) is search
