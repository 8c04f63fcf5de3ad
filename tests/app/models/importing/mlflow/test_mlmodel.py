"""What ``MLmodel`` says is read as data, and what it does not say is named."""

import pytest

from app.models.importing.mlflow.mlmodel import Example, MLmodel
from app.models.untrusted import ImportRefused

COMPLETE = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.10
mlflow_version: 3.10
model_id: m-f4c8
run_id: null
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "height", "required": true}, {"type": "string",
    "name": "zip", "required": false}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "MLmodel"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return MLmodel.read(path)

    return read


def test_files_columns_and_ids_are_read(read):
    found = read(COMPLETE)
    assert (found.model, found.example) == ("model.pkl", Example("input_example.json", "dataframe"))
    assert found.columns == {"height": "double", "zip": "string"}
    assert found.dtype is None
    # As text: as a number the version would be 3.1.
    assert found.about == {"flavor": "sklearn", "model_id": "m-f4c8", "mlflow_version": "3.10"}


def test_model_may_have_neither_signature_nor_example(read):
    found = read("flavors: {sklearn: {pickled_model: model.skops}}")
    assert (found.model, found.example, found.columns) == ("model.skops", None, {})


def test_tensor_of_the_signature_has_the_dtype_of_the_rows(read):
    inputs = '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'
    found = read(f"flavors: {{sklearn: {{pickled_model: m.skops}}}}\nsignature: {{inputs: '{inputs}'}}")
    assert (found.columns, found.dtype) == ({}, "float32")


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm", "catboost"])
def test_booster_is_the_data_of_its_flavour(read, flavor):
    found = read(f"flavors: {{python_function: {{data: model.any}}, {flavor}: {{data: model.native}}}}")
    assert (found.model, found.about["flavor"]) == ("model.native", flavor)


def test_ids_are_cut_and_hold_no_control_characters(read):
    found = read(f'flavors: {{sklearn: {{pickled_model: m}}}}\nrun_id: "a\\x1b[2J{"b" * 900}"')
    assert found.about["run_id"].startswith("a [2Jbbb")
    assert len(found.about["run_id"]) == 200


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("flavors: {keras: {}, tensorflow: {}}", r"no flavour that can be imported .*: keras, tensorflow"),
        ("", "no flavour that can be imported .*: none"),
        ("just a text", "but: none"),
        ("[1, 2]", "but: none"),
        ("flavors: {sklearn: {}}", "names no file of its flavour sklearn: pickled_model"),
        ("flavors: {sklearn: text}", "cannot be read: AttributeError"),
        ("flavors: {sklearn: {pickled_model: m}}\nsignature: {inputs: '['}", "cannot be read: JSONDecodeErr"),
        ("flavors: {sklearn: [", "cannot be read: ParserError"),
        ("!!python/object/apply:os.system ['true']", "but: none"),
        (b"\xff\xfe\x00", "cannot be read: UnicodeDecodeError"),
        ("[" * 5_000, "cannot be read: RecursionError"),
    ],
)
def test_file_that_is_no_mlmodel_is_refused_with_the_reason(read, text, reason):
    with pytest.raises(ImportRefused, match=reason):
        read(text)


def test_merge_keys_do_not_multiply(read):
    """Each line would hold ten times the pairs of the one before; expanded, they would fill the memory."""
    bomb = "".join(
        f"l{level}: &l{level}\n  <<: [{', '.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 12)
    )
    found = read(f"l0: &l0 {{a: 1}}\n{bomb}flavors: {{sklearn: {{pickled_model: m}}}}")
    assert found.model == "m"
