"""Encoders of a stranger make the columns that they announce."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

from app.models.untrusted import ImportRefused, Unsound
from app.models.untrusted.reading import read_estimator
from app.models.untrusted.structure import check_parts
from tests.settings import ROOT

TEXTS = ["red green", "blue red", "green blue", "red red"] * 10
MAPPINGS = [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}] * 20
WORDS = np.array([["a", "x"], ["b", "y"], ["c", "x"], ["d", "z"]] * 10, dtype=object)
NUMBERS = np.column_stack((np.arange(40) % 4, np.arange(40) % 3)).astype(float)
RARE = {"min_frequency": 11, "handle_unknown": "infrequent_if_exist"}

# Uses unchecked hostile models, each in a process of its own, and prints how the processes ended.
USE = """
import os, sys
from tests.app.models.untrusted.test_encoders import HOSTILE
for name in sys.argv[1:]:
    if not (child := os.fork()):
        try:
            model, rows = HOSTILE[name][0]()
            for _ in range(20):
                model.predict(rows)
        finally:
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def fitted(encoder, rows):
    return make_pipeline(encoder, LogisticRegression()).fit(rows, np.arange(40) % 2)


def vocabulary(vectorizer, rows, change):
    model = fitted(vectorizer, rows)
    terms = {term: int(column) for term, column in model[0].vocabulary_.items()}
    change(terms)
    model[0].vocabulary_ = terms
    return model, rows


def moved(column):
    """The first term gets another column."""
    return lambda terms: terms.update({next(iter(terms)): column})


def encoder(rows=WORDS, change=None, inside=lambda model: model[0], **options):
    """A pipeline whose one-hot encoder has other attributes."""
    model = fitted(options.pop("first", None) or OneHotEncoder(sparse_output=False, **options), rows)
    for name, value in change.items():
        own = vars(inside(model))
        own[name] = value(own[name]) if callable(value) else value
    return model, rows


def hashing(hasher, rows):
    model = fitted(hasher, rows)
    model[0].n_features = 0
    return model, rows


def bins(**change):
    first = KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform")
    return encoder(NUMBERS, change, inside=lambda model: model[0]._encoder, first=first)


def first_of(values, value):
    """The arrays of a list with another first element in the first one."""
    values = [each.copy() for each in values]
    values[0][0] = value
    return values


NAMED = "has a vocabulary with columns that it does not make"
IMPLIED = "makes other columns than its categories imply"
SORTED = "has categories that are not sorted"
INFREQUENT = "has infrequent categories that it does not have"
# What is changed, and words of the sentence that refuses it.
HOSTILE = {
    "text: far column": (lambda: vocabulary(CountVectorizer(), TEXTS, moved(2**30)), NAMED),
    "text: negative column": (lambda: vocabulary(CountVectorizer(), TEXTS, moved(-(2**30))), NAMED),
    "text: one column too many": (lambda: vocabulary(TfidfVectorizer(), TEXTS, moved(3)), NAMED),
    "text: two terms of one column": (lambda: vocabulary(TfidfVectorizer(), TEXTS, moved(0)), NAMED),
    "text: term without a column": (
        lambda: vocabulary(CountVectorizer(), TEXTS, moved(None)),
        "has a vocabulary without columns",
    ),
    "mappings: far column": (lambda: vocabulary(DictVectorizer(), MAPPINGS, moved(2**30)), NAMED),
    "mappings: negative column": (
        lambda: vocabulary(DictVectorizer(sparse=False), MAPPINGS, moved(-5)),
        NAMED,
    ),
    "hashed text: no columns": (lambda: hashing(HashingVectorizer(n_features=8), TEXTS), "no possible"),
    "hashed mappings: no columns": (lambda: hashing(FeatureHasher(8), MAPPINGS), "no possible"),
    "narrow": (lambda: encoder(change={"_n_features_outs": [1, 1]}), IMPLIED),
    "negative width": (lambda: encoder(change={"_n_features_outs": [10, -3]}), IMPLIED),
    "wide": (lambda: encoder(change={"_n_features_outs": [4, 2**40]}), IMPLIED),
    "more categories": (
        lambda: encoder(change={"categories_": lambda own: [np.array([*"efghabcd"], object), own[1]]}),
        IMPLIED,
    ),
    "one feature more": (lambda: encoder(change={"_n_features_outs": [4, 3, 1]}), IMPLIED),
    "drops far": (
        lambda: encoder(drop="first", change={"_drop_idx_after_grouping": np.array([2**30, 0])}),
        "leaves out a category",
    ),
    "drops below": (
        lambda: encoder(drop="first", change={"_drop_idx_after_grouping": np.array([-1, 0])}),
        "leaves out a category",
    ),
    "numbers in falling order": (
        lambda: encoder(NUMBERS, {"categories_": lambda own: [own[0], own[1][::-1].copy()]}),
        SORTED,
    ),
    "numbers as objects in falling order": (
        lambda: encoder(NUMBERS, {"categories_": lambda own: [own[0], own[1][::-1].astype(object)]}),
        SORTED,
    ),
    "numbers twice": (
        lambda: encoder(
            NUMBERS,
            {"categories_": lambda own: [own[0], np.zeros(50)], "_n_features_outs": [4, 50]},
        ),
        SORTED,
    ),
    "no categories": (lambda: encoder(change={"categories_": lambda own: [own[0], own[1][:0]]}), SORTED),
    "infrequent: far": (
        lambda: encoder(change={"_default_to_infrequent_mappings": lambda own: first_of(own, 2**30)}, **RARE),
        INFREQUENT,
    ),
    "infrequent: negative": (
        lambda: encoder(
            change={"_default_to_infrequent_mappings": lambda own: first_of(own, -(2**30))}, **RARE
        ),
        INFREQUENT,
    ),
    "infrequent: not mapped": (
        lambda: encoder(change={"_default_to_infrequent_mappings": [None, None]}, **RARE),
        INFREQUENT,
    ),
    "infrequent: a category of none": (
        lambda: encoder(change={"_infrequent_indices": lambda own: first_of(own, -1)}, **RARE),
        INFREQUENT,
    ),
    "infrequent: no mappings": (
        lambda: encoder(change={"_default_to_infrequent_mappings": []}, **RARE),
        "OneHotEncoder is incomplete",
    ),
    "of bins: falling": (
        lambda: bins(categories_=lambda own: [own[0], own[1][::-1].copy()]),
        SORTED,
    ),
    "of bins: narrow": (lambda: bins(_n_features_outs=[1, -1]), IMPLIED),
}
# What is refused before, for a type that no file may hold as it stands.
OF_OTHER_TYPES = {"of bins: falling", "of bins: narrow"}
FATAL = [
    "hashed text: no columns", "hashed mappings: no columns", "text: far column", "text: negative column",
    "mappings: far column", "infrequent: far", "infrequent: negative",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_encoder_is_refused_and_named(name):
    make, words = HOSTILE[name]
    with pytest.raises(Unsound, match=words):
        check_parts(make()[0])


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - OF_OTHER_TYPES))
def test_hostile_file_is_refused_when_it_is_read(name, tmp_path):
    make, words = HOSTILE[name]
    skops.io.dump(make()[0], tmp_path / "model.skops")
    with pytest.raises(ImportRefused, match=f"model.skops cannot be imported: .*{words}"):
        read_estimator(tmp_path / "model.skops", trust=False)


def test_scikit_learn_alone_would_have_crashed():
    run = subprocess.run(
        [sys.executable, "-c", USE, *FATAL], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    ended = dict(zip(FATAL, map(int, run.stdout.split()), strict=True))
    assert [name for name, status in ended.items() if status >= 0] == []


MISSING = pd.DataFrame({"a": [*"abc", None] * 10, "b": [1.0, 2.0, 3.0, np.nan] * 10})
SOUND = [
    (CountVectorizer(ngram_range=(1, 2)), TEXTS),
    (CountVectorizer(vocabulary=["red", "blue"]), TEXTS),
    (TfidfVectorizer(max_features=2), TEXTS),
    (DictVectorizer(), MAPPINGS),
    (FeatureHasher(), MAPPINGS),
    (HashingVectorizer(n_features=2**10), TEXTS),
    (OneHotEncoder(), MISSING),
    (OneHotEncoder(drop="first"), MISSING),
    (OneHotEncoder(drop="if_binary"), WORDS),
    (OneHotEncoder(drop=["b", "z"]), WORDS),
    (OneHotEncoder(**RARE), MISSING),
    (OneHotEncoder(drop="first", **RARE), WORDS),
    (OneHotEncoder(max_categories=2), NUMBERS),
    (OneHotEncoder(categories=[[*"dcba"], [*"zyx"]]), WORDS),
    (OneHotEncoder(handle_unknown="ignore"), NUMBERS > 1),
    (KBinsDiscretizer(3, strategy="uniform", encode="ordinal"), NUMBERS),
    (RandomTreesEmbedding(3), NUMBERS),
]


@pytest.mark.parametrize(("first", "rows"), SOUND, ids=lambda each: repr(each)[:40])
def test_encoders_as_scikit_learn_writes_them_are_read(first, rows, tmp_path):
    model = fitted(first, rows)
    skops.io.dump(model, tmp_path / "model.skops")
    loaded = read_estimator(tmp_path / "model.skops", trust=False)
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
