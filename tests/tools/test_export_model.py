"""The exporter as a command, in this environment; ``tests/exported`` runs it in old ones."""

import ast
import io
import json
import pickle
import subprocess
import sys
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.estimators import BOXES, SumClassifier, fitted
from tests.settings import ROOT
from tools import export_model

PROGRAM = ROOT / "tools" / "export_model.py"


@pytest.fixture
def export(tmp_path):
    """Run the program on a model and a sample; returns what it said and the file that it wrote."""

    def export(model, sample, *arguments):
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
        if isinstance(sample, pd.DataFrame):
            path = tmp_path / "sample.csv"
            sample.to_csv(path, index=False)
        else:
            path = tmp_path / "sample.npy"
            np.save(path, sample)
        out = tmp_path / "out.export"
        command = [sys.executable, str(PROGRAM), str(tmp_path / "model.pkl"), str(path), str(out), *arguments]
        return subprocess.run(command, capture_output=True, text=True), out

    return export


def document(content):
    with ZipFile(io.BytesIO(content)) as archive:
        return json.loads(archive.read("export.json")), archive.namelist()


def test_it_is_written_for_python_3_6():
    ast.parse(PROGRAM.read_text(), feature_version=(3, 6))


def test_it_imports_only_numpy_and_the_standard_library_before_it_is_told_what_to_read():
    tree = ast.parse(PROGRAM.read_text())
    first = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    first |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert first - sys.stdlib_module_names == {"numpy"}


def test_it_writes_arrays_and_one_document_without_the_target(export):
    model = LogisticRegression().fit(BOXES, ["small", "large"] * 10)
    run, out = export(model, BOXES.assign(size="small"), "--target", "size")
    assert run.returncode == 0, run.stderr
    found, names = document(out.read_bytes())
    assert [column["name"] for column in found["columns"]] == list(BOXES)
    assert found["model"]["object"].endswith("LogisticRegression")
    assert found["classes"] == {"list": ["large", "small"]}
    assert found["libraries"].keys() >= {"python", "numpy", "scikit-learn"}
    assert all(name == "export.json" or name.endswith(".npy") for name in names)


def test_an_array_is_a_sample_too(export):
    run, out = export(LinearRegression().fit(BOXES.to_numpy(), range(20)), BOXES.to_numpy())
    assert run.returncode == 0, run.stderr
    found, _ = document(out.read_bytes())
    assert [column["name"] for column in found["columns"]] == ["feature_0", "feature_1", "feature_2"]
    assert found["classes"] is None


def own_function(rows):
    return rows


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (fitted(SumClassifier()), "the model is a tests.estimators.SumClassifier, which cannot be exported"),
        (
            make_pipeline(FunctionTransformer(own_function), LinearRegression()).fit(BOXES, range(20)),
            "is the function own_function of .*: only NumPy's own can be exported",
        ),
        (
            LinearRegression().fit(BOXES.to_numpy()[:, :2], range(20)),
            "the sample has 3 columns, the model takes 2",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(model, said):
    columns = [BOXES[name] for name in BOXES]
    with pytest.raises(export_model.CannotExport, match=said):
        export_model.export(model, list(BOXES), columns, io.BytesIO())


def test_a_sample_with_the_target_is_refused_in_one_line(export):
    run, out = export(LogisticRegression().fit(BOXES, [0, 1] * 10), BOXES.assign(size=1))
    assert run.returncode == 1
    assert "leave the target out with --target" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not out.exists()


def test_functions_of_numpy_are_named(export):
    model = make_pipeline(FunctionTransformer(np.log1p), LinearRegression()).fit(BOXES.to_numpy(), range(20))
    run, out = export(model, BOXES.to_numpy())
    assert run.returncode == 0, run.stderr
    assert '{"function": "log1p"}' in json.dumps(document(out.read_bytes())[0])


def test_rows_that_the_model_refuses_are_marked():
    def answer(rows):
        if (rows[:, 0] > 1).any():
            raise ValueError("too large")
        return rows[:, 0], None

    rows = np.array([[0.0], [5.0], [1.0]])
    values, _, refused = export_model.ask(answer, rows.__getitem__, 3)
    assert refused.tolist() == [False, True, False]
    assert values.tolist() == [0.0, 0.0, 1.0]
