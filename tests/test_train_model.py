import json
import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from app import create_app
from app.models.ml_models import model_manager
from app.models.repository import atomic_files
from app.models.repository.store import ModelStore
from tests.conftest import configuration, run_training
from tests.estimators import INCOME, PEOPLE
from tests.services import wait_until
from tests.settings import ROOT
from train_model import TRAINING_LOCK

TREE = ("--estimator", "DecisionTreeClassifier")


@pytest.fixture
def train(models_dir):
    """Run ``train_model.py`` on the test's store."""
    return lambda *arguments: run_training(models_dir, *map(str, arguments))


# --- what is made


def test_default_is_the_forest_of_the_tutorial(trained_dir):
    data, target = make_classification(
        n_samples=1000, n_features=20, n_informative=15, n_redundant=5, n_classes=3, random_state=42
    )
    train_x, test_x, train_y, test_y = train_test_split(data, target, test_size=0.2, random_state=42)
    scaler = StandardScaler().fit(train_x)
    forest = RandomForestClassifier(n_estimators=100, random_state=42).fit(scaler.transform(train_x), train_y)

    folder = trained_dir / "model_synthetic"
    saved, saved_scaler = joblib.load(folder / "model.pkl"), joblib.load(folder / "scaler.pkl")
    assert type(saved) is RandomForestClassifier
    probabilities = saved.predict_proba(saved_scaler.transform(test_x))
    np.testing.assert_array_equal(probabilities, forest.predict_proba(scaler.transform(test_x)))
    metrics = json.loads((folder / "metadata.json").read_bytes())["metrics"]
    assert metrics["accuracy"] == forest.score(scaler.transform(test_x), test_y)


def test_training_prints_accuracy_and_a_report(train):
    result = train("--dataset", "iris", *TREE)
    assert result.exit_code == 0
    for word in ("iris: 150 rows, 4 features", "precision", "recall", "f1-score", "accuracy: ", "Saved"):
        assert word in result.output


def test_saved_version_becomes_active(train, store):
    train("--dataset", "iris", *TREE, "--version", "first")
    assert store.active() == "first"
    train("--dataset", "iris", *TREE, "--version", "second", "--no-activate")
    assert store.active() == "first"
    assert store.versions() == ["second", "first"]


def test_a_version_that_the_service_would_reject_is_saved_but_not_activated(train, store, monkeypatch):
    train("--dataset", "iris", *TREE, "--version", "first")
    monkeypatch.setenv("MODEL_SIGNING_KEY", "k7Wq-0vR2_xT9mZp4Lb8")
    result = train("--dataset", "iris", *TREE, "--version", "second")
    assert result.exit_code == 2
    assert "Saved second in" in result.output
    assert "second is not active: it is not signed" in result.output
    assert "rejected" not in result.output
    assert (store.active(), store.versions()) == ("first", ["second", "first"])


def test_a_start_with_signing_is_not_held_up_by_the_version_that_it_trains(train, store, monkeypatch):
    monkeypatch.setenv("MODEL_SIGNING_KEY", "k7Wq-0vR2_xT9mZp4Lb8")
    result = train("--dataset", "iris", *TREE, "--version", "only", "--if-empty")
    assert result.exit_code == 0
    assert "only is not active: it is not signed" in result.output
    assert (store.active(), store.versions()) == (None, ["only"])


def test_a_wrong_engine_is_told_before_anything_is_trained(train, store, monkeypatch):
    monkeypatch.setenv("MODEL_ENGINE", "zzz")
    result = train("--dataset", "iris", *TREE)
    assert result.exit_code == 2
    assert "Error: MODEL_ENGINE='zzz': Must be one of" in result.output
    assert store.versions() == []


def test_metadata_holds_what_is_needed_to_trust_the_version(trained_dir):
    metadata = ModelStore(trained_dir).metadata("synthetic")
    assert metadata["n_features"] == len(metadata["feature_names"]) == 20
    assert metadata["classes"] == [0, 1, 2]
    assert 0.5 < metadata["metrics"]["accuracy"] <= 1
    assert 0.5 < metadata["metrics"]["f1_macro"] <= 1
    assert {"scikit-learn", "numpy"} <= set(metadata["libraries"])
    for name in ("model.pkl", "scaler.pkl"):
        assert len(metadata["files"][name]["sha256"]) == 64
    assert len(metadata["golden"]["rows"]) == len(metadata["golden"]["values"]) >= 20
    for feature in metadata["signature"]["features"]:
        assert feature["statistics"]["std"] > 0


@pytest.mark.parametrize(
    ("dataset", "features", "classes"),
    [("iris", 4, 3), ("wine", 13, 3), ("breast-cancer", 30, 2), ("digits", 64, 10), ("synthetic", 20, 3)],
)
def test_bundled_classes_are_learned(train, store, dataset, features, classes):
    assert train("--dataset", dataset, *TREE, "--version", "v1").exit_code == 0
    metadata = store.metadata("v1")
    assert (metadata["n_features"], metadata["n_classes"]) == (features, classes)
    assert metadata["metrics"]["accuracy"] > 0.6


def test_a_quantity_is_learned_by_a_regressor_unless_told_otherwise(train, store):
    result = train("--dataset", "diabetes", "--param", "n_estimators=10", "--version", "v1")
    assert result.exit_code == 0
    metadata = store.metadata("v1")
    assert metadata["model_type"] == "RandomForestRegressor"
    assert set(metadata["metrics"]) == {"r2", "mean_absolute_error", "root_mean_squared_error"}
    assert "residuals" in result.output


@pytest.mark.parametrize(
    "estimator",
    [
        "LogisticRegression",
        "SVC",
        "GaussianNB",
        "RidgeClassifier",
        "LinearSVC",
    ],
)
def test_any_classifier_is_found_by_name(train, store, estimator):
    result = train("--dataset", "iris", "--estimator", estimator, "--version", "v1")
    assert result.exit_code == 0, result.output
    assert store.metadata("v1")["model_type"] == estimator


def test_boosted_trees_are_found_by_name(train, store):
    few = ("--param", "max_iter=3")
    result = train(
        "--dataset", "iris", "--estimator", "HistGradientBoostingClassifier", *few, "--version", "v1"
    )
    assert result.exit_code == 0, result.output
    assert store.metadata("v1")["params"]["max_iter"] == 3


def test_any_regressor_is_found_by_name(train, store):
    assert train("--dataset", "diabetes", "--estimator", "Ridge", "--version", "v1").exit_code == 0
    assert store.metadata("v1")["output"]["task"] == "regression"


def test_parameters_reach_the_estimator(train, store):
    arguments = ("--param", "max_depth=3", "--param", "criterion=entropy", "--param", "random_state=7")
    train("--dataset", "iris", *TREE, *arguments, "--version", "v1")
    params = store.metadata("v1")["params"]
    assert (params["max_depth"], params["criterion"], params["random_state"]) == (3, "entropy", 7)


def test_seed_is_fixed_unless_given(train, store):
    train("--dataset", "iris", *TREE, "--version", "v1")
    assert store.metadata("v1")["params"]["random_state"] == 42


def test_if_empty_trains_only_the_first_time(train, store):
    assert train("--dataset", "iris", *TREE, "--if-empty").exit_code == 0
    versions = store.versions()
    assert len(versions) == 1
    assert train("--dataset", "iris", *TREE, "--if-empty").exit_code == 0
    assert store.versions() == versions


def test_of_processes_that_find_the_store_empty_one_trains_and_the_others_wait(store):
    command = [sys.executable, "train_model.py", "--dataset", "iris", *TREE, "--if-empty"]
    environment = {"MODELS_DIR": str(store.root), "PATH": os.environ["PATH"]}
    with atomic_files.locked(store.root, TRAINING_LOCK):
        processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(2)]
        inode = (store.root / TRAINING_LOCK).stat().st_ino
        waiting = re.compile(rf"-> FLOCK .*:{inode} ")
        wait_until(lambda: len(waiting.findall(Path("/proc/locks").read_text())) == 2)
    assert [process.wait(120) for process in processes] == [0, 0]
    assert len(store.versions()) == 1
    assert store.active() == store.versions()[0]


# --- from a file


@pytest.fixture(params=[".csv", ".parquet"])
def people_file(request, tmp_path):
    """People by age, with some missing, and city; ``income`` is the target."""
    path = tmp_path / f"people{request.param}"
    frame = PEOPLE.assign(income=INCOME)
    if request.param == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


def test_mixed_columns_of_a_file_become_one_pipeline(train, models_dir, store, people_file):
    result = train("--data", people_file, "--target", "income", *TREE, "--version", "v1")
    assert result.exit_code == 0, result.output
    assert "people: 40 rows, 2 features, classification" in result.output
    metadata = store.metadata("v1")
    assert (metadata["feature_names"], metadata["classes"]) == (["age", "city"], ["high", "low"])
    assert "scaler.pkl" not in metadata["files"]
    pipeline = joblib.load(models_dir / "model_v1" / "model.pkl")
    rows = pd.DataFrame({"age": [np.nan, 30.0], "city": ["Nowhere", None]})
    assert set(pipeline.predict(rows)) <= {"high", "low"}
    numbers = pipeline[0].named_transformers_["numbers"]
    assert numbers.transform(PEOPLE[["age"]]).mean() == pytest.approx(0, abs=0.2)


def test_trained_pipeline_serves_unknown_categories_and_missing_values(trained):
    client = trained("people")
    rows = [{"age": None, "city": "Nowhere"}, {"city": None, "age": 30}]
    response = client.post("/api/predict/batch", json={"samples": rows})
    assert response.status_code == 200
    assert [w["value"] for w in response.get_json()["warnings"]] == ["Nowhere"]


def test_numbers_alone_get_a_scaler(train, store, tmp_path):
    wine = load_wine(as_frame=True).frame
    wine.to_csv(tmp_path / "wine.csv", index=False)
    train("--data", tmp_path / "wine.csv", "--target", "target", *TREE, "--version", "v1")
    assert {"model.pkl", "scaler.pkl"} <= set(store.metadata("v1")["files"])


def test_rows_without_a_target_and_columns_without_values_are_left_out(train, store, tmp_path):
    frame = PEOPLE.assign(income=INCOME, nothing=np.nan)
    frame.loc[:4, "income"] = None
    frame.to_csv(tmp_path / "people.csv", index=False)
    result = train("--data", tmp_path / "people.csv", "--target", "income", *TREE, "--version", "v1")
    assert "35 rows, 2 features" in result.output
    assert store.metadata("v1")["feature_names"] == ["age", "city"]


def test_quantity_in_a_file_is_learned_by_a_regressor(train, store, tmp_path):
    frame = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100.0) * 1.5})
    frame.to_csv(tmp_path / "line.csv", index=False)
    train("--data", tmp_path / "line.csv", "--target", "y", "--param", "n_estimators=5", "--version", "v1")
    assert store.metadata("v1")["model_type"] == "RandomForestRegressor"


def test_columns_of_booleans_keep_their_dtype(train, store, tmp_path):
    frame = pd.DataFrame({"x": np.arange(40.0), "flag": [True, False] * 20, "y": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "flags.csv", index=False)
    assert train("--data", tmp_path / "flags.csv", "--target", "y", *TREE, "--version", "v1").exit_code == 0
    assert [f["kind"] for f in store.metadata("v1")["signature"]["features"]] == ["number", "boolean"]


def test_census_of_adults_is_learned_and_served(shared_data, tmp_path):
    models_dir = tmp_path / "models"
    arguments = ("--data", str(shared_data / "adult.csv"), "--target", "income")
    result = run_training(
        models_dir, *arguments, "--estimator", "LogisticRegression", "--param", "max_iter=1000"
    )
    assert result.exit_code == 0, result.output
    metadata = ModelStore(models_dir).metadata(ModelStore(models_dir).active())
    assert metadata["metrics"]["accuracy"] > 0.83
    assert (metadata["classes"], metadata["n_features"]) == (["<=50K", ">50K"], 14)


# --- what goes wrong


@pytest.fixture
def files(tmp_path):
    """Files that cannot be trained on."""
    people = PEOPLE.assign(income=INCOME)
    people.to_csv(tmp_path / "people.csv", index=False)
    people.assign(income="same").to_csv(tmp_path / "one-class.csv", index=False)
    people.head(5).to_csv(tmp_path / "short.csv", index=False)
    people.head(0).to_csv(tmp_path / "header.csv", index=False)
    people.assign(income=None).to_csv(tmp_path / "no-target.csv", index=False)
    people[["income"]].to_csv(tmp_path / "no-features.csv", index=False)
    people.assign(age=np.inf).to_csv(tmp_path / "infinite.csv", index=False)
    people.assign(when=pd.date_range("2026-01-01", periods=40)).to_parquet(tmp_path / "dates.parquet")
    rare = ["low"] * 39 + ["high"]
    people.assign(income=rare[::-1]).to_csv(tmp_path / "rare.csv", index=False)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)))
    (tmp_path / "binary.parquet").write_bytes(bytes(range(256)))
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "people.txt").write_text("age,income\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--data {}/nothing.csv --target income", "does not exist"),
        ("--data {}/people.txt --target income", "neither .csv nor .parquet"),
        ("--data {}/folder.csv --target income", "cannot be read"),
        ("--data {}/binary.csv --target income", "cannot be read"),
        ("--data {}/binary.parquet --target income", "cannot be read"),
        ("--data {}/empty.csv --target income", "is empty"),
        ("--data {}/header.csv --target income", "has no rows"),
        ("--data {}/no-target.csv --target income", "has no rows"),
        ("--data {}/no-features.csv --target income", "at least one feature"),
        ("--data {}/people.csv --target incme", "has no column 'incme'; it has: age, city, income"),
        ("--data {}/people.csv", "--data needs --target"),
        ("--target income", "--target goes with --data"),
        ("--data {}/one-class.csv --target income", "only one class, 'same'"),
        ("--data {}/short.csv --target income", "at least 10 are needed"),
        ("--data {}/infinite.csv --target income", "infinity"),
        ("--data {}/dates.parquet --target income", "column 'when' holds a Timestamp"),
        ("--data {}/people.csv --target income --estimator LinearRegression", "cannot be fitted"),
        ("--dataset moon", "known are synthetic, iris, wine, breast-cancer, digits, diabetes"),
        ("--estimator RandomForestClasifier", "did you mean RandomForestClassifier?"),
        ("--estimator 123456", "known are"),
        ("--estimator StandardScaler", "unknown estimator 'StandardScaler'"),
        ("--estimator VotingClassifier", "choose another estimator"),
        ("--param n_estimatrs=5", "did you mean n_estimators?"),
        ("--param n_estimators", "takes name=value"),
        ("--param =5", "takes name=value"),
        ("--dataset iris --param n_estimators=many", "n_estimators"),
        ("--dataset iris --estimator DecisionTreeClassifier --version ../x", "1 to 64 characters"),
    ],
)
def test_error_is_one_line_with_status_2_and_leaves_the_store_untouched(
    train, models_dir, files, arguments, reason
):
    result = train(*arguments.format(files).split())
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr
    assert not models_dir.exists() or list(models_dir.iterdir()) == []


def test_class_that_is_only_in_the_rows_held_out_is_an_error(train, files, models_dir):
    # With this seed one of the first rows is held out.
    frame = pd.read_csv(files / "people.csv")
    held_out = train_test_split(frame, test_size=0.2, random_state=42)[1].index[0]
    frame.assign(income=np.where(frame.index == held_out, "high", "low")).to_csv(
        files / "rare.csv", index=False
    )
    result = train("--data", files / "rare.csv", "--target", "income")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "only one class" in result.stderr
    assert not models_dir.exists()


@pytest.mark.parametrize(("version", "said"), [("../x", "1 to 64 characters"), ("v1", "exists already")])
def test_a_name_that_cannot_be_is_refused_before_anything_is_read(train, store, version, said):
    (store.root / "model_v1").mkdir(parents=True)
    result = train("--data", "nothing.csv", "--target", "y", "--version", version)
    assert result.exit_code == 2
    assert said in result.stderr


def test_version_that_exists_is_not_overwritten(train, store):
    assert train("--dataset", "iris", *TREE, "--version", "v1").exit_code == 0
    before = store.metadata("v1")
    result = train("--dataset", "wine", *TREE, "--version", "v1")
    assert (result.exit_code, result.stderr) == (2, "Error: Model version 'v1' exists already\n")
    assert store.metadata("v1") == before
    assert store.versions() == ["v1"]


def test_wrong_setting_is_one_line_with_status_2(train, monkeypatch):
    monkeypatch.setenv("PORT", "abc")
    result = train("--dataset", "iris")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("Error: PORT='abc'")


def test_store_that_cannot_be_written_is_one_line_with_status_2(tmp_path):
    (tmp_path / "file").write_text("")
    result = run_training(tmp_path / "file" / "models", "--dataset", "iris", *TREE)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("Error: ")


def test_help_is_worth_reading(train):
    result = train("--help")
    assert result.exit_code == 0
    for word in ("--dataset", "--data", "--target", "--estimator", "--param", "Examples:", "diabetes"):
        assert word in result.output


def test_it_runs_as_a_command_and_shows_progress(tmp_path):
    result = run_command(
        tmp_path, "--dataset", "iris", "--param", "n_estimators=5", "--version", "v1", FORCE_COLOR="1"
    )
    assert result.returncode == 0
    for title in ("data…", "fitting RandomForestClassifier: trees…", "certifying engines"):
        assert title in result.stdout
    assert ModelStore(tmp_path / "models").versions() == ["v1"]


def test_it_runs_as_a_command_and_fails_with_status_2(tmp_path):
    result = run_command(tmp_path, "--dataset", "moon")
    assert result.returncode == 2
    assert result.stderr == (
        "Error: unknown dataset 'moon'; known are synthetic, iris, wine, breast-cancer, digits, diabetes\n"
    )
    assert not (tmp_path / "models").exists()


def run_command(folder, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "train_model.py", *arguments],
        cwd=ROOT,
        env={"MODELS_DIR": str(folder / "models"), "PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
    )


def test_class_that_pandas_takes_for_missing_is_a_class(train, store, tmp_path):
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0] * 20, "y": ["None", "NA", "other"] * 20})
    frame.to_csv(tmp_path / "regions.csv", index=False)
    result = train("--data", tmp_path / "regions.csv", "--target", "y", *TREE, "--version", "v1")
    assert result.exit_code == 0, result.output
    assert "left out" not in result.output
    assert store.metadata("v1")["classes"] == ["NA", "None", "other"]
    assert store.metadata("v1")["metrics"]["accuracy"] == 1.0


def test_rows_without_a_target_are_left_out_and_named(train, store, tmp_path):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": ["a", "b", ""] * 20})
    frame.to_csv(tmp_path / "holes.csv", index=False)
    result = train("--data", tmp_path / "holes.csv", "--target", "y", *TREE, "--version", "v1")
    assert result.exit_code == 0, result.output
    assert "20 rows without a 'y' are left out: row 3, 6, 9" in " ".join(result.output.split())
    assert store.metadata("v1")["rows_without_target"] == 20


@pytest.mark.parametrize(
    ("cells", "classes"),
    [(["True", "False", ""], [False, True]), (["1", "0", ""], [0, 1]), (["a", "b", ""], ["a", "b"])],
)
def test_labels_are_what_they_are_although_some_are_missing(train, store, tmp_path, cells, classes):
    pd.DataFrame({"x": np.arange(60.0), "y": cells * 20}).to_csv(tmp_path / "holes.csv", index=False)
    assert train("--data", tmp_path / "holes.csv", "--target", "y", *TREE, "--version", "v1").exit_code == 0
    known = store.metadata("v1")["classes"]
    assert known == classes
    assert [type(label) for label in known] == [type(label) for label in classes]


@pytest.mark.parametrize("target", [[[1], [2]] * 20, [{"a": 1}, {"b": 2}] * 20], ids=["lists", "dicts"])
def test_target_that_is_no_label_is_refused_in_a_sentence(train, tmp_path, target):
    pd.DataFrame({"x": np.arange(40.0), "y": target}).to_parquet(tmp_path / "odd.parquet")
    result = train("--data", tmp_path / "odd.parquet", "--target", "y")
    assert result.exit_code == 2
    assert "holds what is neither a label nor a number" in result.output


def test_strings_with_missing_values_are_trained_on(train, store, tmp_path):
    frame = pd.DataFrame({"x": pd.Series(["a", None, "b"] * 20, dtype="string"), "y": [0, 1, 1] * 20})
    frame.to_parquet(tmp_path / "strings.parquet")
    result = train("--data", tmp_path / "strings.parquet", "--target", "y", *TREE, "--version", "v1")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("value", ["{[]: 1}", "-" * 3000 + "1", "("], ids=["unhashable", "deep", "cut off"])
def test_parameter_that_cannot_be_read_is_refused_in_a_sentence(train, value):
    result = train("--dataset", "iris", *TREE, "--param", f"max_depth={value}")
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_truth_values_are_served_in_either_form(train, serve_version, tmp_path):
    frame = pd.DataFrame({"x": np.arange(40.0), "flag": ["True", "False"] * 20, "y": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "flags.csv", index=False)
    assert train("--data", tmp_path / "flags.csv", "--target", "y", *TREE, "--version", "v1").exit_code == 0
    client = serve_version("v1")
    for flag in (True, 1):
        answer = client.post("/api/predict", json={"features": {"x": 3, "flag": flag}})
        assert answer.get_json()["result"]["prediction"] == "a"
    assert client.post("/api/predict", json={"features": {"x": 3, "flag": "True"}}).status_code == 400


@pytest.fixture
def serve_version(models_dir):
    """A client of an app that serves a version of the test's store."""

    def serve_version(version):
        app = create_app(configuration(models_dir))
        with app.app_context():
            model_manager.load_model(version)
        return app.test_client()

    return serve_version
