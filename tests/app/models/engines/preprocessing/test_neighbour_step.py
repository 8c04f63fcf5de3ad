"""Numbers imputed by neighbours are scikit-learn's own, and rows between two neighbours are its to answer."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.models.compilation.transformers.transformer_steps import number_step
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.neighbour_step import ImputeByNeighbours
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(200, 5)) * [1, 2, 3, 4, 100]
ROWS[GENERATOR.random(ROWS.shape) < 0.15] = np.nan
OTHERS = GENERATOR.normal(size=(500, 5)) * [1, 2, 3, 4, 100]
OTHERS[GENERATOR.random(OTHERS.shape) < 0.3] = np.nan
TARGET = (np.nan_to_num(ROWS).sum(axis=1) > 0).astype(int)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("count", [1, 5, 300])
def test_numbers_are_those_of_the_original(weights, count):
    imputer = KNNImputer(n_neighbors=count, weights=weights).fit(ROWS)
    step = number_step(imputer)
    again = Preprocessor.from_dict(Preprocessor(steps=(step,)).to_dict())
    np.testing.assert_allclose(again.apply(OTHERS), imputer.transform(OTHERS), rtol=1e-9)


def test_a_row_of_nothing_gets_the_means():
    imputer = KNNImputer(n_neighbors=3).fit(ROWS)
    nothing = np.full((1, 5), np.nan)
    np.testing.assert_allclose(number_step(imputer).apply(nothing), imputer.transform(nothing), rtol=1e-12)


def test_rows_between_two_neighbours_are_named():
    step = ImputeByNeighbours(((0.0, 5.0), (2.0, 7.0), (9.0, 7.0)), 1, by_distance=False)
    with pytest.raises(NotCovered) as refused:
        step.apply(np.array([[0.5, np.nan], [1.0, np.nan], [1.0, 1.0], [5.5, np.nan]]))
    assert refused.value.rows == [1]  # the last one lies between two equal numbers
    assert step.apply(np.array([[0.5, np.nan], [5.5, np.nan]])).tolist() == [[0.5, 5.0], [5.5, 7.0]]


@pytest.mark.parametrize(
    "last", [LogisticRegression(), RandomForestClassifier(5, random_state=0)], ids=["linear", "forest"]
)
def test_pipelines_are_certified_and_answer_as_the_model(store, last):
    model = make_pipeline(KNNImputer(), StandardScaler(), last).fit(ROWS, TARGET)
    publish(store, model, sample=ROWS, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    assert (engine.predict(OTHERS).values == model.predict(OTHERS)).all()
