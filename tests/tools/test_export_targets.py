"""Answers of models with several targets, as the exporter writes them."""

import io
import json
import pickle
import subprocess
import sys
from zipfile import ZipFile

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, RegressorChain
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.estimators import BOXES
from tests.settings import ROOT
from tools import export_model

ROWS = BOXES.to_numpy()
LABELS = np.column_stack([["small", "large"] * 10, ["a", "b", "c", "a"] * 5])
BITS = np.column_stack([[0, 1] * 10, [1, 1, 0, 0] * 5, [0, 0, 0, 1] * 5])


def read(content):
    """The document, and an array by its number."""
    archive = ZipFile(io.BytesIO(content))
    return json.loads(archive.read("export.json")), lambda number: np.load(
        archive.open(f"arrays/{number}.npy")
    )


@pytest.fixture
def written(monkeypatch):
    """The document of an export of a model, and its answers to the sample."""
    monkeypatch.setattr(export_model, "RANDOM_ROWS", 50)

    def written(model):
        content = io.BytesIO()
        export_model.export(model, list(BOXES), [BOXES[name] for name in BOXES], content)
        document, array = read(content.getvalue())
        shares = document["answers"]["probabilities"]
        values = array(document["answers"]["values"])[: len(ROWS)]
        return document, values, None if shares is None else array(shares)[: len(ROWS)]

    return written


def test_labels_are_codes_of_each_target(written):
    model = DecisionTreeClassifier(random_state=0).fit(ROWS, LABELS)
    document, values, shares = written(model)
    assert document["classes"] is None
    assert document["targets"] == [{"list": ["large", "small"]}, {"list": ["a", "b", "c"]}]
    decoded = [[["large", "small"][one], "abc"[other]] for one, other in values]
    assert decoded == model.predict(ROWS).tolist()
    assert np.array_equal(shares, np.hstack(model.predict_proba(ROWS)))


@pytest.mark.parametrize(
    "model",
    [MLPClassifier((3,), random_state=0, max_iter=1), ClassifierChain(LogisticRegression())],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore:Stochastic")
def test_one_probability_for_each_label_is_that_of_its_second_class(written, model):
    model.fit(ROWS, BITS)
    document, values, shares = written(model)
    assert document["targets"] == [{"list": [0, 1]}] * 3
    assert np.array_equal(values, model.predict(ROWS))
    assert np.array_equal(shares[:, 1::2], model.predict_proba(ROWS))
    assert np.array_equal(shares[:, ::2], 1 - model.predict_proba(ROWS))


def test_chain_of_three_labels_has_no_probabilities_to_write(written):
    three = np.column_stack([[0, 1, 2, 0] * 5, [1, 0] * 10])
    _, values, shares = written(ClassifierChain(LogisticRegression()).fit(ROWS, three))
    assert values.shape == three.shape
    assert shares is None


def test_numbers_stand_beside_each_other(written):
    model = LinearRegression().fit(ROWS, ROWS[:, :2])
    document, values, _ = written(model)
    assert (document["classes"], document["targets"]) == (None, None)
    assert np.array_equal(values, model.predict(ROWS))


def test_rows_between_two_labels_of_any_target_are_among_the_probe_rows():
    model = MultiOutputClassifier(LogisticRegression()).fit(ROWS, BITS)
    columns = export_model.Rows(list(ROWS.T))
    known = export_model.Model(model, None, [False] * 3, [], [])
    *_, low, high = export_model.boundary(known, columns, np.random.RandomState(0))
    assert (known.answer(low)[0] != known.answer(high)[0]).any(axis=1).all()
    assert np.abs(np.column_stack(low.columns) - np.column_stack(high.columns)).max() < 1e-12


def test_trees_of_a_chain_are_left_out_because_they_take_more_columns():
    chain = RegressorChain(DecisionTreeRegressor(max_depth=2)).fit(ROWS, ROWS)
    assert list(export_model.trees_of(chain)) == []


def test_several_targets_are_left_out_of_the_sample(tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(LinearRegression().fit(ROWS, ROWS[:, :2])))
    BOXES.assign(weight=1, price=2).to_csv(tmp_path / "sample.csv", index=False)
    command = [sys.executable, ROOT / "tools" / "export_model.py"]
    command += [tmp_path / name for name in ("model.pkl", "sample.csv", "out.export")]
    run = subprocess.run(
        [*command, "--target", "weight", "--target", "price"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    document, _ = read((tmp_path / "out.export").read_bytes())
    assert [column["name"] for column in document["columns"]] == list(BOXES)
