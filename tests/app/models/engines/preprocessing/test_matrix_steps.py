"""Transformers that mix the columns of a row without scikit-learn, bit for bit."""

import pickle

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute._iterative import IterativeImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.transformer_steps import number_step
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(300, 6)) * [1, 10, 0.1, 1, 5, 1]
LABELS = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
FAR = np.vstack([ROWS, ROWS * 1e6, np.zeros((1, 6)), np.full((1, 6), 1e-20), np.eye(6)])
MISSING = np.where(GENERATOR.random(ROWS.shape) < 0.2, np.nan, ROWS)
MISSING[7] = np.nan

COMPLETE = [
    PCA(),
    PCA(2),
    PCA(3, whiten=True),
    PCA(2, svd_solver="randomized", random_state=0),
    PCA(2, svd_solver="covariance_eigh"),
    PCA(2, svd_solver="arpack", random_state=0),
    IncrementalPCA(2),
    TruncatedSVD(3, random_state=0),
    *(Normalizer(norm) for norm in ("l1", "l2", "max")),
    Nystroem(n_components=20, random_state=0),
    Nystroem(gamma=0.3, n_components=20, random_state=0),
    *(Nystroem(kernel, n_components=5, random_state=0) for kernel in ("linear", "sigmoid", "poly")),
    Nystroem("polynomial", degree=2, coef0=0.5, n_components=5, random_state=0),
    RBFSampler(random_state=0),
]
IMPUTING = [
    IterativeImputer(max_iter=3, random_state=0),
    IterativeImputer(Ridge(), max_iter=2, initial_strategy="median", random_state=0),
    IterativeImputer(LinearRegression(), max_iter=2, n_nearest_features=2, min_value=-3, random_state=0),
    IterativeImputer(max_iter=0),
]


def compiled(transformer):
    """Its step, as it is read back from a version's files."""
    return Preprocessor.from_dict(Preprocessor(steps=(number_step(transformer),)).to_dict())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transformer", COMPLETE, ids=str)
def test_numbers_are_the_originals(transformer):
    stored = pickle.loads(pickle.dumps(transformer.fit(ROWS)))  # which may order its arrays anew
    for rows in (FAR, FAR[:1], FAR[:7], FAR[::-1]):
        np.testing.assert_array_equal(compiled(transformer).apply(rows), stored.transform(rows))


@pytest.mark.parametrize("transformer", COMPLETE, ids=str)
def test_missing_numbers_are_left_to_the_original_which_raises(transformer):
    transformer.fit(ROWS)
    with pytest.raises(NotCovered):
        compiled(transformer).apply(MISSING)
    with pytest.raises(ValueError, match="NaN"):
        transformer.transform(MISSING)


@pytest.mark.parametrize("transformer", COMPLETE, ids=str)
def test_no_number_is_larger_than_foretold(transformer):
    step = compiled(transformer.fit(ROWS))
    reach = step.reach(1e3)
    extremes = GENERATOR.choice([-1e3, 0.0, 1e3], size=(500, 6))
    assert np.abs(step.apply(extremes)).max() <= reach < 1e60


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transformer", IMPUTING, ids=str)
def test_imputed_numbers_are_the_originals(transformer):
    transformer.fit(MISSING)
    for rows in (MISSING, MISSING[:1], MISSING[7:8], MISSING[5:9], FAR):
        np.testing.assert_array_equal(compiled(transformer).apply(rows), transformer.transform(rows))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("transformer", "reason"),
    [
        (Nystroem("laplacian", n_components=5), "the kernel 'laplacian'"),
        (IterativeImputer(RandomForestRegressor(2), max_iter=1), "by RandomForestRegressor"),
        (IterativeImputer(sample_posterior=True, max_iter=1), "that draws"),
        (IterativeImputer(add_indicator=True, max_iter=1), "indicates"),
    ],
    ids=str,
)
def test_what_has_no_compiled_form_is_named(transformer, reason):
    with pytest.raises(NotCompilable, match=reason):
        number_step(transformer.fit(ROWS))


def test_single_precision_has_no_compiled_form():
    with pytest.raises(NotCompilable, match="single precision"):
        number_step(PCA(2).fit(ROWS.astype(np.float32)))


PIPELINES = {
    "components": make_pipeline(StandardScaler(), PCA(3), LogisticRegression()),
    "components, forest": make_pipeline(PCA(3), RandomForestClassifier(5, random_state=0)),
    "normed": make_pipeline(Normalizer(), LogisticRegression()),
    "kernel map": make_pipeline(
        StandardScaler(), Nystroem(n_components=20, random_state=0), LogisticRegression()
    ),
    "random waves": make_pipeline(StandardScaler(), RBFSampler(random_state=0), LogisticRegression()),
    "weights of a union": make_pipeline(
        FeatureUnion(
            [("as it is", StandardScaler()), ("components", PCA(2))], transformer_weights={"components": 0.5}
        ),
        LogisticRegression(),
    ),
    "weights of columns": make_pipeline(
        make_column_transformer((StandardScaler(), [0, 1, 2]), (PCA(2), [3, 4, 5])).set_params(
            transformer_weights={"pca": 3.0}
        ),
        LogisticRegression(),
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_are_certified_and_answer_as_the_model(store, name):
    model = PIPELINES[name].fit(ROWS, LABELS)
    publish(store, model, sample=ROWS, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
    found = load(store, "v1", LoadingOptions(engine="onnx")).engine.predict(ROWS)
    assert (found.values == model.predict(ROWS)).all()
    assert np.abs(found.probabilities - model.predict_proba(ROWS)).max() < 1e-6


@pytest.mark.filterwarnings("ignore")
def test_iterative_imputer_serves_compiled(store):
    model = make_pipeline(IterativeImputer(max_iter=2, random_state=0), LogisticRegression())
    publish(store, model.fit(MISSING, LABELS), sample=MISSING, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
