"""``flask models import``: a folder or a zip in MLflow's format becomes a version that serves."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from app import create_app
from app.models.importing.importer import import_files
from app.models.ml_models import model_manager
from tests.app.models.importing.mlflow.folders import example_of, mlflow_folder, signature_of, zipped
from tests.app.models.repository.test_store import Canary
from tests.conftest import configuration
from tests.estimators import BOXES, INCOME, PEOPLE

SIZE = np.array([0, 1] * 10)


@pytest.fixture
def run(models_dir, monkeypatch):
    """Import in this process whatever it is."""
    monkeypatch.setattr("app.cli.model_import.import_apart", import_files)

    def run(*arguments):
        app = create_app(configuration(models_dir))
        return app.test_cli_runner().invoke(args=["models", "import", *map(str, arguments)])

    return run


@pytest.fixture
def client(models_dir):
    """A client of an app that serves the active version."""

    def client():
        app = create_app(configuration(models_dir))
        with app.app_context():
            model_manager.load_model()
        return app.test_client()

    return client


@pytest.fixture
def boxes(tmp_path):
    """A model of boxes, with its signature and two rows."""
    model = LogisticRegression().fit(BOXES, SIZE)
    return mlflow_folder(
        tmp_path / "boxes", model, example_of(BOXES.head(2)), signature=signature_of(BOXES), model_id="m-7"
    )


def succeed(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fail(result, *words, status=1):
    assert result.exit_code == status, result.output
    assert all(word in " ".join(result.output.split()) for word in words), result.output


@pytest.mark.parametrize("pack", [lambda folder: folder, zipped, lambda folder: zipped(folder, top="boxes/")])
def test_model_serves_under_the_names_of_its_signature_without_a_sample(run, store, client, boxes, pack):
    found = succeed(run(pack(boxes), "--version", "v1", "--activate", "--json"))
    assert (found["state"], found["engine"], found["n_features"]) == ("active", "onnx", 3)
    row = {"depth": 10, "width": 10, "height": 10}
    answer = client().post("/api/predict", json={"features": row}).get_json()
    assert answer["result"]["prediction"] == 1
    about = store.metadata("v1")["mlflow"]
    assert (about["model_id"], about["run_id"], about["flavor"]) == ("m-7", "458b288a", "sklearn")
    assert about["source"] == str(pack(boxes))


def test_two_example_rows_are_no_training_range(run, client, boxes):
    """Nothing is known of the range, so nothing is called an outlier."""
    succeed(run(boxes, "--activate", "--json"))
    answer = client().post("/api/predict", json={"features": [500, 500, 500]}).get_json()
    assert "warnings" not in answer["result"]
    assert "warnings" not in answer


def test_sample_takes_the_place_of_the_example_and_has_its_types(run, store, tmp_path):
    rows = PEOPLE[["city"]].assign(zip=["01", "2", "2", "3"] * 10)
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(encoder, LogisticRegression()).fit(rows.to_numpy(), INCOME)
    folder = mlflow_folder(tmp_path / "people", model, signature=signature_of(rows))
    fail(run(folder), "Missing option '--sample'", "has no input example", status=2)
    rows.assign(zip=["1", "2", "2", "3"] * 10, income=INCOME).to_csv(tmp_path / "rows.csv", index=False)
    succeed(run(folder, "--sample", tmp_path / "rows.csv", "--target", "income", "--version", "v1", "--json"))
    metadata = store.metadata("v1")
    assert metadata["metrics"]
    kinds = {each["name"]: each["kind"] for each in metadata["signature"]["features"]}
    assert kinds["zip"] == "category"  # which the file alone would show as a number


def test_pickle_is_not_read_without_trust_and_the_refusal_says_what_to_do(run, store, tmp_path):
    folder = mlflow_folder(tmp_path / "m", Canary(tmp_path / "canary"), example_of(BOXES), form="pickle")
    for packed in (folder, zipped(folder)):
        fail(run(packed), "a pickle runs code", "Reading model.pkl can do anything", "with --trust")
    assert not (tmp_path / "canary").exists()
    assert store.versions() == []


def test_pickle_under_the_name_of_a_harmless_file_is_not_unpickled(run, tmp_path):
    folder = mlflow_folder(tmp_path / "m", Canary(tmp_path / "canary"), example_of(BOXES), form="pickle")
    (folder / "model.pkl").rename(folder / "model.skops")
    (folder / "MLmodel").write_text((folder / "MLmodel").read_text().replace("model.pkl", "model.skops"))
    fail(run(folder), "model.skops cannot be read")
    assert not (tmp_path / "canary").exists()


def test_pickle_is_read_with_trust(run, tmp_path):
    folder = mlflow_folder(
        tmp_path / "m", LogisticRegression().fit(BOXES, SIZE), example_of(BOXES), form="pickle"
    )
    assert succeed(run(folder, "--trust", "--json"))["model_type"] == "LogisticRegression"


def test_array_of_rows_is_a_sample_of_a_model_without_names(run, client, tmp_path):
    model = LogisticRegression().fit(BOXES.to_numpy(), SIZE)
    succeed(run(mlflow_folder(tmp_path / "m", model, BOXES.to_numpy().tolist()), "--activate", "--json"))
    answer = client().post("/api/predict", json={"features": [10, 10, 10]}).get_json()
    assert answer["result"]["prediction"] == 1


def people(encoder):
    columns = make_column_transformer((SimpleImputer(), ["age"]), (encoder, ["city"]))
    return make_pipeline(columns, LogisticRegression()).fit(PEOPLE, INCOME)


def test_categories_are_those_of_the_encoder_and_not_of_the_example(run, client, tmp_path):
    folder = mlflow_folder(tmp_path / "m", people(OneHotEncoder()), example_of(PEOPLE.head(2)))
    succeed(run(folder, "--activate", "--json"))
    for city, status in (("Cairo", 200), ("Athens", 200), ("Dublin", 400)):
        answer = client().post("/api/predict", json={"features": {"age": 30, "city": city}})
        assert answer.status_code == status, city


class NumberOfCity(OrdinalEncoder):
    """An encoder that keeps its categories where nobody else looks."""

    def fit(self, X, y=None):  # noqa: N803 # scikit-learn's name
        super().fit(X, y)
        self.known = {city: number for number, city in enumerate(self.__dict__.pop("categories_")[0])}
        return self

    def transform(self, X):  # noqa: N803 # scikit-learn's name
        return np.array([[self.known[city]] for city in pd.DataFrame(X).iloc[:, 0]])


def test_categories_that_nothing_names_need_a_sample(run, tmp_path):
    columns = make_column_transformer((NumberOfCity(), ["city"]))
    model = make_pipeline(columns, LogisticRegression()).fit(PEOPLE[["city"]], INCOME)
    folder = mlflow_folder(tmp_path / "m", model, example_of(PEOPLE[["city"]].head(2)), form="pickle")
    fail(run(folder, "--trust"), "certain categories of 'city' only", "bring rows with --sample")


def test_zip_that_is_none_and_folder_without_mlmodel_are_refused_in_one_line(run, tmp_path):
    (tmp_path / "model.zip").write_bytes(b"no archive")
    (tmp_path / "empty").mkdir()
    fail(run(tmp_path / "model.zip"), "Error: model.zip cannot be read: BadZipFile")
    fail(run(tmp_path / "empty"), "Error: empty has no file MLmodel")


def test_hostile_path_in_mlmodel_is_refused(run, boxes, tmp_path):
    text = (boxes / "MLmodel").read_text()
    (boxes / "MLmodel").write_text(text.replace("pickled_model: model.skops", "pickled_model: ../x.skops"))
    fail(run(boxes), "'../x.skops', which is no path within the model")
