"""The pipeline: cleaning, TF-IDF and logistic regression. README.md has the figures behind each choice."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from app.models.compilation.transformers.text_transformers import word_counts
from examples.sentiment_analysis.text_cleaner import TextCleaner

CLEAN, COUNT, CLASSIFY = "clean", "count", "classify"
MAX_TERMS = 20_000
# Single letters and digits count too: "d+", "7 of 10".
WORDS = r"(?u)\b\w+\b"


def build(labels: Sequence[str]) -> Pipeline:
    """The pipeline for these training labels, not fitted.

    No stop words: the usual English list removes "not".
    """
    vectorizer = TfidfVectorizer(
        max_features=MAX_TERMS, ngram_range=(1, 2), token_pattern=WORDS, lowercase=False
    )
    classifier = LogisticRegression(C=2.0, class_weight=class_weights(labels), max_iter=1000)
    return Pipeline([(CLEAN, TextCleaner()), (COUNT, vectorizer), (CLASSIFY, classifier)])


def class_weights(labels: Sequence[str]) -> dict[str | int, float]:
    """Rare classes weigh more, by the square root of how rare they are.

    Half-way to ``balanced``, which finds more of the rare class at the price of the others.
    """
    counts = pd.Series(labels).value_counts()
    return {_key(str(label)): float((counts.max() / count) ** 0.5) for label, count in counts.items()}


def _key(label: str) -> str | int:
    """The label as scikit-learn looks it up: the class "5" under the number 5."""
    try:
        return int(label)
    except ValueError:
        return label


def explanation_file(pipeline: Pipeline) -> bytes:
    """A fitted pipeline as plain numbers, in JSON, for `explanation.Explainer`."""
    classifier = pipeline[CLASSIFY]
    classes = classifier.classes_.tolist()
    document = {
        "cleaning": pipeline[CLEAN].substitutions(),
        "counting": asdict(word_counts(pipeline[COUNT])),
        "outcomes": classes if len(classes) > 2 else classes[1:],
        "intercept": classifier.intercept_.tolist(),
        "coefficients": classifier.coef_.tolist(),
    }
    return json.dumps(document).encode()
