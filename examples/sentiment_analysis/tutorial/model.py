"""The tutorial's model: cleaning by a function before a pipeline of TF-IDF and logistic regression."""

import re

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline


def clean(text: str) -> str:
    """Lower case without URLs, @mentions, #tags and punctuation."""
    text = text.lower()
    text = re.sub(r"http\S+|www\S+", "", text)
    text = re.sub(r"@\w+|#\w+", "", text)
    text = re.sub(r"[^\w\s]", "", text)
    return re.sub(r"\s+", " ", text).strip()


def build() -> Pipeline:
    """The pipeline, not fitted."""
    vectorizer = TfidfVectorizer(max_features=5000, ngram_range=(1, 2), stop_words="english")
    return Pipeline([("tfidf", vectorizer), ("classifier", LogisticRegression(max_iter=1000))])
