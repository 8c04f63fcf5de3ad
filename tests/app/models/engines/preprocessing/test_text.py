"""Vectorizers of texts without scikit-learn, bit for bit."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from app.models.compilation import NotCompilable
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
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
    model = make_pipeline(vectorizer, MultinomialNB()).fit(TEXTS, CLASSES)
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
    model = make_pipeline(CountVectorizer(), weights, LogisticRegression()).fit(TEXTS, CLASSES)
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
    ],
)
def test_what_has_no_compiled_form_is_named(vectorizer, words):
    model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, CLASSES)
    with pytest.raises(NotCompilable, match=words):
        compiled(model, TEXTS)


@pytest.mark.parametrize("last", [LogisticRegression(), RandomForestClassifier(5)])
def test_pipelines_of_texts_are_certified(last, store):
    model = make_pipeline(CountVectorizer(analyzer="char_wb", ngram_range=(1, 2)), TfidfTransformer(), last)
    version = publish(store, model.fit(TEXTS, CLASSES), sample=TEXTS)
    assert store.metadata(version)["engine"] == "onnx"
    engine = load(store, version, LoadingOptions(engine="onnx")).engine
    found = engine.predict(Table(("text",), (np.array(TEXTS + ODD, dtype=object),))).values
    np.testing.assert_array_equal(found, model.predict(TEXTS + ODD))
