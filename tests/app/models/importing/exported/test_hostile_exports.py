"""What a stranger may write into an export: each is refused in one sentence."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier

from app.models.importing.exported.publish_export import import_export
from app.models.repository.store import ModelStore
from app.models.untrusted import ImportRefused
from tests.app.models.importing.exported.exports import attributes, changed, exported
from tools import export_model

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 3)), columns=list("abc"))
LABELS = (ROWS["a"] > 0).astype(int)


@pytest.fixture(scope="module")
def content():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_model, "RANDOM_ROWS", 50)
        return exported(DecisionTreeClassifier(max_depth=3).fit(ROWS.to_numpy(), LABELS), ROWS)


@pytest.fixture
def refusal(tmp_path):
    """Why an export is refused."""

    def refusal(content):
        path = tmp_path / "odd.export"
        path.write_bytes(content)
        with pytest.raises(ImportRefused) as caught:
            import_export(ModelStore(tmp_path), path)
        assert "\n" not in caught.value.message
        return caught.value.message

    return refusal


def tree_of(document):
    return attributes(document["model"], "tree_")["tree"]


def edits(path, value):
    def edit(document):
        *parents, last = path
        for name in parents:
            document = document[name]
        document[last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["format"], 99, "it is no export of format 1"),
        (["model"], {"object": "os.system", "attributes": {}}, "os.system, which cannot be rebuilt"),
        (["model"], {"object": "sklearn.utils.Bunch", "attributes": {}}, "which cannot be rebuilt"),
        (["model"], {"function": "load"}, "it names numpy.load"),
        (["model"], {"eval": "1"}, "a value of unknown kind 'eval'"),
        (["model"], None, "it holds a NoneType in place of a model"),
        (["model", "attributes", "predict"], 1, "has a 'predict' in place of its own method"),
        (["model", "attributes", "__class__"], 1, "has an attribute '__class__'"),
        (["model", "attributes", "tree_"], {"array": 99_999}, "cannot be read: KeyError"),
        (["model", "attributes", "tree_"], {"array": "../x"}, "an array without a number"),
        (["one_dimensional"], True, "its sample is no single column of them"),
        (["sample_rows"], 0, "its rows do not fit its columns"),
        (["classes"], {"list": []}, "its classes are neither text nor numbers"),
        (["classes"], {"list": [0]}, "its probabilities are not one for each class"),
        (["columns"], [], "its rows do not fit its columns"),
        (["answers", "values"], 0, "cannot be imported"),
    ],
)
def test_odd_document_is_refused(content, refusal, path, value, said):
    assert said in refusal(changed(content, edits(path, value)))


def test_tree_with_a_circle_is_refused(content, refusal):
    numbers = {}
    changed(content, lambda document: numbers.update(tree_of(document)))
    tree = DecisionTreeClassifier(max_depth=3).fit(ROWS.to_numpy(), LABELS).tree_
    nodes = tree.__getstate__()["nodes"].copy()
    nodes["left_child"][0] = 0
    values = tree.__getstate__()["values"]
    arrays = {numbers["nodes"]: nodes, numbers["values"]: values}
    assert "a decision tree" in refusal(changed(content, arrays=arrays))


def test_tree_with_too_few_values_is_refused(content, refusal):
    numbers = {}
    changed(content, lambda document: numbers.update(tree_of(document)))
    arrays = {numbers["values"]: np.zeros((1, 1, 2))}
    assert "values for other nodes than its own" in refusal(changed(content, arrays=arrays))


def test_tree_of_histogram_boosting_beyond_its_columns_is_refused(refusal, monkeypatch):
    monkeypatch.setattr(export_model, "RANDOM_ROWS", 50)
    model = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5).fit(ROWS.to_numpy(), LABELS)
    nodes = model._predictors[0][0].nodes
    nodes["feature_idx"][:] = 2
    content = exported(model, ROWS)
    model._predictors[0][0].nodes["feature_idx"][:] = 1_000
    found = {}

    def number(document):
        predictors = attributes(document["model"], "_predictors")["list"]
        found.update(attributes(predictors[0]["list"][0], "nodes"))

    changed(content, number)
    said = refusal(changed(content, arrays={found["array"]: nodes}))
    assert "splits by a feature that it does not have" in said


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04"])
def test_damaged_file_is_refused(refusal, damage):
    assert refusal(damage).startswith("odd.export cannot be read: BadZipFile")


def test_endless_nesting_is_refused(content, refusal):
    def nest(document):
        node = document["model"]
        for _ in range(400):
            node = {"list": [node]}
        document["model"] = node

    assert refusal(changed(content, nest)).startswith("odd.export cannot be imported: it")
