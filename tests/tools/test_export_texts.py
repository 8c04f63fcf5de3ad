"""Samples of texts: how the exporter reads them, and the rows that it makes of them."""

import io
import json
import sys
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

from tools import export_model

TEXTS = ["good room", "NA", "", "404", "bad, slow room"]
LABELS = [1, 0, 0, 0, 1]
MODEL = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
BESIDE = make_pipeline(
    ColumnTransformer([("number", "passthrough", ["stars"]), ("words", CountVectorizer(), "review")]),
    LogisticRegression(),
)


@pytest.fixture
def sample(tmp_path):
    """A file of reviews with their labels."""
    path = tmp_path / "sample.csv"
    pd.DataFrame({"label": LABELS, "review": TEXTS}).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def document(monkeypatch):
    """The document of an export of texts."""
    monkeypatch.setattr(export_model, "RANDOM_ROWS", 300)

    def document(model, texts):
        content = io.BytesIO()
        export_model.export(model, ["review"], [pd.Series(texts, dtype=object)], content)
        with ZipFile(content) as archive:
            return json.loads(archive.read("export.json"))

    return document


def test_texts_are_read_as_they_stand(sample):
    names, (column,) = export_model.read_sample(sample, ["label"], MODEL)
    assert names == ["review"]
    assert column.tolist() == TEXTS


def test_texts_are_read_without_pandas(sample, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    names, (column,) = export_model.read_sample(sample, ["label"], MODEL)
    assert names == ["review"]
    assert column.tolist() == TEXTS


def test_column_that_a_transformer_gets_alone_is_read_as_texts(sample):
    frame = pd.DataFrame({"stars": range(5), "review": TEXTS})
    for column in ("review", 1):
        BESIDE.set_params(columntransformer__transformers=[("words", CountVectorizer(), column)])
        assert export_model.text_columns(BESIDE.fit(frame, LABELS), list(frame)) == ["review"]


def test_vectorizers_side_by_side_take_texts():
    union = FeatureUnion([("words", CountVectorizer()), ("characters", CountVectorizer(analyzer="char"))])
    assert export_model.takes_texts(make_pipeline(union, LogisticRegression()).fit(TEXTS, LABELS))


def test_probe_rows_are_mixed_joined_unknown_and_of_other_scripts(document):
    found = document(MODEL, TEXTS)
    assert found["columns"] == [{"name": "review", "kind": "text", "nullable": False, "open": True}]
    assert found["one_dimensional"]
    texts = set(found["rows"][0]["labels"])
    assert {*TEXTS, *export_model.ODD_TEXTS} <= texts
    assert {"room good", "good room bad, slow room", "GOOD ROOM"} <= texts


def test_words_that_fitting_left_out_are_not_written(document):
    model = make_pipeline(TfidfVectorizer(max_features=2, stop_words="english"), LogisticRegression())
    model.fit(TEXTS, LABELS)[0].stop_words_ = {"slow"}  # as older versions do
    step = document(model, TEXTS)["model"]["attributes"]["steps"]["list"][0]["tuple"][1]
    assert "stop_words_" not in step["attributes"]
    assert "the" in step["attributes"]["stop_words"]["list"]


def test_columns_of_words_are_numbers_in_the_document(document):
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    model[0].vocabulary_ = {word: np.int64(column) for word, column in model[0].vocabulary_.items()}
    step = document(model, TEXTS)["model"]["attributes"]["steps"]["list"][0]["tuple"][1]
    assert ["404", 0] in step["attributes"]["vocabulary_"]["dict"]


def test_wide_rows_on_thresholds_are_thinned(monkeypatch):
    forest = RandomForestClassifier(20, random_state=0)
    base = np.random.default_rng(0).normal(size=(80, 40))
    forest.fit(base, base[:, 0] > 0)
    _, every = export_model.edges(forest, base, False)
    monkeypatch.setattr(export_model, "MAX_CELLS", 2_000)
    rows, tried = export_model.edges(forest, base, False)
    assert rows.size < 20_000
    assert tried < every


def test_sample_is_cut_where_its_texts_are_too_long(document, monkeypatch):
    monkeypatch.setattr(export_model, "MAX_CHARACTERS", 12)
    assert document(MODEL, TEXTS)["sample_rows"] == 3


def own_tokenizer(text):
    return text.split()


@pytest.mark.parametrize(
    ("model", "columns", "said"),
    [
        (
            make_pipeline(
                CountVectorizer(tokenizer=own_tokenizer, token_pattern=None), LogisticRegression()
            ).fit(TEXTS, LABELS),
            {"review": TEXTS},
            r"is the function own_tokenizer of .*: only NumPy's own can be exported",
        ),
        (MODEL, {"review": TEXTS, "label": LABELS}, "the sample has 2 columns, the model takes 1"),
        (MODEL, {"review": ["good", None]}, "column 'review' of the sample, .* has cells without text"),
        (MODEL, {"review": pd.to_datetime(["2024-05-06"])}, "column 'review' of the sample holds dates"),
    ],
)
def test_what_is_no_column_of_texts_is_refused(model, columns, said):
    frame = pd.DataFrame(columns)
    with pytest.raises(export_model.CannotExport, match=said):
        export_model.export(model, list(frame), [frame[name] for name in frame], io.BytesIO())
