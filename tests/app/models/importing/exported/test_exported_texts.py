"""Exported models of texts: one column of them, or a column beside others."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from app.models.untrusted import ImportRefused
from tests.app.models.importing.exported.exports import answers, attributes, changed, exported

WORDS = ["good", "fine", "Lovely", "bad", "slow", "the", "room", "naïve", "NA"]
TEXTS = pd.Series(
    [" ".join(np.random.default_rng(row).choice(WORDS, size=5)) for row in range(60)], dtype=object
)
LABELS = np.where(TEXTS.str.count("good|fine") > TEXTS.str.count("bad|slow"), "yes", "no")
ASKED = [*TEXTS[:20], "", "GOOD, good!", "never seen", "日本語 bad", "a b c"]
PIPELINES = {
    "hashed": make_pipeline(HashingVectorizer(), LogisticRegression()),
    "logistic": make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression()),
    "bayes": make_pipeline(CountVectorizer(stop_words="english", ngram_range=(1, 2)), MultinomialNB()),
    "forest": make_pipeline(
        TfidfVectorizer(strip_accents="ascii", max_features=5), RandomForestClassifier(5, random_state=0)
    ),
    "characters": make_pipeline(
        CountVectorizer(analyzer="char", ngram_range=(2, 2)),
        TfidfTransformer(norm="l1"),
        LogisticRegression(),
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_of_texts_answers_as_it_did(store, take_over, name):
    estimator = PIPELINES[name].fit(TEXTS, LABELS)
    take_over(exported(estimator, TEXTS.to_frame("review")))
    model, output = answers(store, [[text] for text in ASKED])
    assert model.engine.name == "onnx"
    assert (model.signature.layout, model.signature.names) == ("texts", ("review",))
    assert [model.output.classes[code] for code in output.values] == estimator.predict(ASKED).tolist()
    assert np.abs(output.probabilities - estimator.predict_proba(ASKED)).max() < 1e-6


def test_column_of_texts_beside_labels_answers_as_it_did(store, take_over):
    frame = pd.DataFrame({"town": ["Bonn", "Oslo", "Rome"] * 20, "review": TEXTS}).astype(object)
    columns = [
        ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
        ("review", TfidfVectorizer(), "review"),
    ]
    estimator = make_pipeline(ColumnTransformer(columns), LogisticRegression()).fit(frame, LABELS)
    take_over(exported(estimator, frame))
    rows = pd.DataFrame({"town": "Oslo", "review": ASKED}, dtype=object)
    model, output = answers(store, rows.to_numpy().tolist())
    assert [feature.kind for feature in model.signature.features] == ["category", "text"]
    assert np.abs(output.probabilities - estimator.predict_proba(rows)).max() < 1e-6


def test_stop_words_are_those_of_the_version_that_fitted_it(take_over):
    content = exported(PIPELINES["bayes"].fit(TEXTS, LABELS), TEXTS.to_frame("review"))

    def other_list(document):
        step = attributes(document["model"], "steps")["list"][0]["tuple"][1]
        words = attributes(step, "stop_words")["list"]
        assert "the" in words
        attributes(step, "stop_words")["list"] = ["bad", *words]

    with pytest.raises(ImportRefused, match=r"differ"):
        take_over(changed(content, other_list))


def test_vocabulary_with_columns_that_do_not_follow_is_refused(take_over):
    content = exported(PIPELINES["bayes"].fit(TEXTS, LABELS), TEXTS.to_frame("review"))

    def skip(document):
        step = attributes(document["model"], "steps")["list"][0]["tuple"][1]
        attributes(step, "vocabulary_")["dict"][0][1] = 10_000

    with pytest.raises(ImportRefused, match="CountVectorizer has a vocabulary with columns"):
        take_over(changed(content, skip))
