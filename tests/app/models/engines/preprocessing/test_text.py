"""Vectorizers of texts without scikit-learn, bit for bit."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from app.models.certification.certificate import certify_candidate
from app.models.certification.model_under_test import analyse
from app.models.compilation import NotCompilable
from app.models.compilation.compilers import candidates
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
from app.models.engines.compiled import CompiledEngine
from app.models.engines.kernel import load_kernel
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.inspection import inspect_model
from app.models.publishing.publish import publish
from app.models.schema.rows import Table
from tests.estimators import PEOPLE

GENERATOR = np.random.default_rng(0)
WORDS = ["good", "bad", "Café", "naïve", "film", "a", "THE", "déjà", "vu", "ﬁne", "日本語", "x-ray", "İ"]
TEXTS = [" ".join(GENERATOR.choice(WORDS, GENERATOR.integers(1, 9))) for _ in range(150)]
CLASSES = np.array([int("good" in text) for text in TEXTS])
ODD = ["", " ", "a", "\t\n  two   blanks", "don't", "e\u0301 decomposed", "ß ﬀ ½", "𝒳 🎉", "good" * 50]

VECTORIZERS = [
    CountVectorizer(analyzer="char", ngram_range=(1, 3)),
    CountVectorizer(analyzer="char_wb", ngram_range=(2, 4), lowercase=False),
    CountVectorizer(analyzer="char_wb", ngram_range=(5, 9), binary=True),
    TfidfVectorizer(analyzer="char", ngram_range=(2, 2), norm="l1"),
    TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, strip_accents="ascii"),
    TfidfVectorizer(strip_accents="unicode", ngram_range=(1, 2)),
    HashingVectorizer(n_features=7),
    HashingVectorizer(n_features=2**10, analyzer="char_wb", ngram_range=(1, 3), norm="l1"),
    HashingVectorizer(n_features=20, binary=True, alternate_sign=False, stop_words=["film"]),
    CountVectorizer(strip_accents="ascii", token_pattern=r"(?u)\b\w+\b"),
]


def compiled(model, sample):
    transformers, _ = split(model)
    step = compile_preprocessing(transformers, inspect_model(model, sample).signature)
    return Preprocessor.from_dict(step.to_dict())


def answers(step, texts):
    return step.apply(Table(("text",), (np.array(texts, dtype=object),)))


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_counts_are_the_originals(vectorizer):
    model = make_pipeline(vectorizer, RandomForestClassifier(3)).fit(TEXTS, CLASSES)
    found = answers(compiled(model, TEXTS), TEXTS + ODD)
    np.testing.assert_array_equal(found, model[:-1].transform(TEXTS + ODD).toarray())


@pytest.mark.parametrize(
    "weights",
    [
        TfidfTransformer(),
        TfidfTransformer(norm="l1", sublinear_tf=True),
        TfidfTransformer(norm=None, use_idf=False),
        make_pipeline(TfidfTransformer(), MaxAbsScaler(), SelectKBest(k=5)),
    ],
    ids=str,
)
def test_weights_after_counts_are_the_originals(weights):
    model = make_pipeline(CountVectorizer(), weights, RandomForestClassifier(3)).fit(TEXTS, CLASSES)
    found = answers(compiled(model, TEXTS), TEXTS + ODD)
    np.testing.assert_array_equal(found, model[:-1].transform(TEXTS + ODD).toarray())


def test_steps_after_encoded_labels_are_those_of_numbers():
    encoder = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False), StandardScaler()
    )
    columns = make_column_transformer((encoder, ["city"]))
    model = make_pipeline(columns, LogisticRegression()).fit(PEOPLE, [0, 1] * (len(PEOPLE) // 2))
    step = compiled(model, PEOPLE)
    rows = inspect_model(model, PEOPLE).rows
    np.testing.assert_array_equal(step.apply(rows), model[:-1].transform(PEOPLE))


@pytest.mark.parametrize(
    ("vectorizer", "words"),
    [
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "with tokenizer="),
        (CountVectorizer(analyzer=str.split), "with analyzer="),
        (CountVectorizer(strip_accents=str.upper), "with strip_accents="),
        (make_pipeline(CountVectorizer(), LatentDirichletAllocation(2)), "LatentDirichletAllocation has no"),
        (make_pipeline(CountVectorizer(), MaxAbsScaler(), TfidfTransformer()), "TfidfTransformer has no"),
        (make_pipeline(HashingVectorizer(), MaxAbsScaler()), "more than 20,000 terms"),
        (make_pipeline(HashingVectorizer(n_features=9), TfidfTransformer()), "behind what is no Count"),
        (make_pipeline(TfidfVectorizer(), TfidfTransformer()), "behind what is no Count"),
    ],
)
def test_what_has_no_compiled_form_is_named(vectorizer, words):
    model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, CLASSES)
    with pytest.raises(NotCompilable, match=words):
        compiled(model, TEXTS)


def test_a_term_whose_hash_has_no_positive_is_in_the_column_of_scikit_learn(monkeypatch):
    step = compiled(
        make_pipeline(HashingVectorizer(n_features=7), RandomForestClassifier(2)).fit(TEXTS, CLASSES), TEXTS
    )
    monkeypatch.setattr("sklearn.utils.murmurhash3_32", lambda term: -(2**31))
    assert step.branches[0].steps[0].weights("any") == ([2**31 % 7], [-1.0])


THREE = GENERATOR.choice(["a", "b", "c"], len(TEXTS))
LINEAR = {
    "hashes": (HashingVectorizer(), SGDClassifier(random_state=0), CLASSES),
    "hashes, probabilities": (HashingVectorizer(norm="l1", binary=True), LogisticRegression(), THREE),
    "hashes, counted": (HashingVectorizer(n_features=2**14, alternate_sign=False), MultinomialNB(), THREE),
    "one number": (HashingVectorizer(norm=None), Ridge(), GENERATOR.normal(size=len(TEXTS))),
    "a link": (TfidfVectorizer(), PoissonRegressor(), CLASSES + 1.0),
    "weighted counts": (make_pipeline(CountVectorizer(), TfidfTransformer()), LinearSVC(), CLASSES),
    "sparse weights": (TfidfVectorizer(), SGDClassifier(penalty="l1", random_state=0), THREE),
    "labels of bayes": (CountVectorizer(), ComplementNB(), THREE),
}


@pytest.mark.parametrize(("vectorizer", "last", "target"), LINEAR.values(), ids=LINEAR)
def test_a_linear_model_is_multiplied_with_the_terms_of_a_text_only(vectorizer, last, target):
    model = make_pipeline(vectorizer, last).fit(TEXTS, target)
    if isinstance(last, SGDClassifier):
        last.sparsify()
    inspected = inspect_model(model, TEXTS)
    under_test = analyse(model, inspected.signature, inspected.output, inspected.rows)
    candidate, *_ = candidates(under_test.last, inspected.output, width=under_test.width)
    certificate = certify_candidate(candidate, under_test, inspected.rows)
    assert certificate["certified"], certificate["reason"]
    kernel = load_kernel("onnx", candidate.content, candidate.spec)
    rows = Table(("text",), (np.array(TEXTS + ODD, dtype=object),))
    found, left = CompiledEngine(under_test.preprocessor, kernel).attempt(rows)
    assert under_test.width <= 3
    answered = np.setdiff1d(np.arange(len(rows)), left or [])  # texts without any known word may be ties
    assert len(answered) > 0.9 * len(rows)
    if inspected.output.classes:
        labels = np.array(inspected.output.classes, dtype=object)[found.values]
        np.testing.assert_array_equal(labels[answered], model.predict(TEXTS + ODD)[answered])
    else:
        np.testing.assert_allclose(found.values, model.predict(TEXTS + ODD), rtol=1e-14)
    if found.probabilities is not None:
        probabilities = model.predict_proba(TEXTS + ODD)[answered]
        np.testing.assert_allclose(found.probabilities[answered], probabilities, rtol=1e-12)


def test_products_of_rows_are_the_originals_bit_for_bit():
    model = make_pipeline(HashingVectorizer(), LogisticRegression()).fit(TEXTS, THREE)
    scores = model[0].transform(TEXTS + ODD) @ model[1].coef_.T
    np.testing.assert_array_equal(answers(compiled(model, TEXTS), TEXTS + ODD), scores)


def test_a_product_with_too_many_weights_is_left_to_scikit_learn(monkeypatch):
    monkeypatch.setattr("app.models.compilation.transformers.linear_texts.MOST_WEIGHTS", 10)
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, CLASSES)
    with pytest.raises(NotCompilable, match="more than 10 weights of terms"):
        compiled(model, TEXTS)


@pytest.mark.parametrize("last", [LogisticRegression(), RandomForestClassifier(5)])
def test_pipelines_of_texts_are_certified(last, store):
    model = make_pipeline(CountVectorizer(analyzer="char_wb", ngram_range=(1, 2)), TfidfTransformer(), last)
    version = publish(store, model.fit(TEXTS, CLASSES), sample=TEXTS)
    assert store.metadata(version)["engine"] == "onnx"
    engine = load(store, version, LoadingOptions(engine="onnx")).engine
    found = engine.predict(Table(("text",), (np.array(TEXTS + ODD, dtype=object),))).values
    np.testing.assert_array_equal(found, model.predict(TEXTS + ODD))
