"""``flask models import``: a model that somebody else fitted becomes a version that serves."""

import json
import pickle

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app import create_app
from app.models.importing import TRUSTED
from app.models.ml_models import model_manager
from tests.app.models.certification.test_supplied import graph
from tests.app.models.test_store import Canary, pickled
from tests.conftest import configuration
from tests.estimators import BOXES, INCOME, PEOPLE, SumClassifier, fitted

SIZE = np.array([0, 1] * 10)


@pytest.fixture
def csv(tmp_path):
    """Boxes with their size, and a file without it."""
    BOXES.to_csv(tmp_path / "bare.csv", index=False)
    BOXES.assign(size=SIZE).to_csv(tmp_path / "boxes.csv", index=False)
    return tmp_path / "boxes.csv"


@pytest.fixture
def run(models_dir):
    def run(*arguments, **variables):
        app = create_app(configuration(models_dir, **variables))
        return app.test_cli_runner().invoke(args=["models", "import", *map(str, arguments)])

    return run


@pytest.fixture
def forest(tmp_path):
    path = tmp_path / "forest.pkl"
    joblib.dump(RandomForestClassifier(n_estimators=3, random_state=0).fit(BOXES, SIZE), path)
    return path


def succeed(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fail(result, *words):
    assert result.exit_code == 1, result.output
    assert all(word in " ".join(result.output.split()) for word in words), result.output


def predict(models_dir, row):
    app = create_app(configuration(models_dir))
    with app.app_context():
        model_manager.load_model()
        return model_manager.predict(row)["prediction"]


def test_imported_model_serves_under_the_names_of_the_sample(run, models_dir, forest, csv):
    options = ("--sample", csv, "--target", "size", "--version", "v1", "--activate", "--trust", "--json")
    found = succeed(run(forest, *options))
    assert (found["version"], found["state"], found["model_type"]) == (
        "v1",
        "active",
        "RandomForestClassifier",
    )
    assert found["metrics"] == {"accuracy": 1.0, "f1_macro": 1.0}
    assert found["engine"] != "sklearn"
    assert predict(models_dir, {"depth": 10, "width": 10, "height": 10}) == 1


def test_table_is_shown_without_json_and_nothing_is_activated_unasked(run, store, forest, csv):
    result = run(forest, "--sample", csv, "--target", "size", "--version", "v1", "--trust")
    assert result.exit_code == 0, result.output
    assert "RandomForestClassifier" in result.stdout
    assert (store.versions(), store.active()) == (["v1"], None)


def test_pickle_is_warned_about_and_not_read_without_trust(run, store, csv, tmp_path):
    (tmp_path / "canary.pkl").write_bytes(pickled(Canary(tmp_path / "canary")))
    result = run(tmp_path / "canary.pkl", "--sample", csv)
    fail(result, "a pickle runs code", "canary.pkl can do anything", "--trust")
    assert not (tmp_path / "canary").exists()
    assert store.versions() == []


def test_pickle_is_warned_about_with_trust_too(run, forest, csv):
    result = run(forest, "--sample", csv, "--target", "size", "--trust", "--json")
    assert "a pickle runs code" in result.stderr
    succeed(result)


@pytest.mark.parametrize("disguise", ["model.skops", "model.SKOPS", "model", "model.zip"])
def test_pickle_under_another_name_is_not_read_without_trust(run, csv, tmp_path, disguise):
    (tmp_path / disguise).write_bytes(pickled(Canary(tmp_path / "canary")))
    fail(run(tmp_path / disguise, "--sample", csv))
    assert not (tmp_path / "canary").exists()


def test_scaler_is_applied_first(run, models_dir, csv, tmp_path):
    scaler = StandardScaler().fit(BOXES.to_numpy())
    model = LogisticRegression().fit(scaler.transform(BOXES.to_numpy()), SIZE)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    joblib.dump(scaler, tmp_path / "scaler.joblib")
    options = ("--scaler", tmp_path / "scaler.joblib", "--sample", csv, "--target", "size")
    found = succeed(run(tmp_path / "model.pkl", *options, "--activate", "--trust", "--json"))
    assert found["metrics"]["accuracy"] == 1.0
    assert predict(models_dir, [10, 10, 10]) == 1


def test_scaler_that_is_a_pickle_needs_trust_too(run, csv, tmp_path):
    skops.io.dump(LogisticRegression().fit(BOXES, SIZE), tmp_path / "model.skops")
    (tmp_path / "scaler.pkl").write_bytes(pickled(Canary(tmp_path / "canary")))
    fail(run(tmp_path / "model.skops", "--scaler", tmp_path / "scaler.pkl", "--sample", csv), "scaler.pkl")
    assert not (tmp_path / "canary").exists()


def test_pipeline_of_mixed_columns_takes_them_in_any_order(run, models_dir, people_csv, tmp_path):
    columns = make_column_transformer(
        (SimpleImputer(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    joblib.dump(make_pipeline(columns, LogisticRegression()).fit(PEOPLE, INCOME), tmp_path / "people.pkl")
    options = ("--sample", people_csv, "--target", "income", "--activate", "--trust", "--json")
    found = succeed(run(tmp_path / "people.pkl", *options))
    assert found["n_features"] == 2
    assert predict(models_dir, {"city": "Berlin", "age": 30}) == "high"


@pytest.fixture
def reduced(tmp_path):
    """A model with a step that this project cannot compile, and the same as an ONNX graph."""
    model = make_pipeline(PCA(2), LogisticRegression()).fit(BOXES.to_numpy(), SIZE)
    joblib.dump(model, tmp_path / "reduced.pkl")
    (tmp_path / "reduced.onnx").write_bytes(graph(model, width=3))
    other = make_pipeline(PCA(2), LogisticRegression()).fit(BOXES.to_numpy(), 1 - SIZE)
    (tmp_path / "other.onnx").write_bytes(graph(other, width=3))
    return tmp_path / "reduced.pkl"


def test_onnx_file_serves_if_it_is_certified(run, models_dir, csv, reduced):
    onnx = reduced.with_suffix(".onnx")
    options = ("--onnx", onnx, "--sample", csv, "--target", "size", "--trust")
    result = run(reduced, *options, "--activate")
    assert result.exit_code == 0, result.output
    assert "reduced.onnx is certified and serves, as the last step" in result.stdout
    assert predict(models_dir, [10, 10, 10]) == 1
    found = succeed(run(reduced, *options, "--json"))
    assert (found["engine"], found["supplied_onnx"]["serves"]) == ("onnx", True)


def test_onnx_file_of_another_model_does_not_serve_and_the_reason_is_said(run, models_dir, csv, reduced):
    options = ("--onnx", reduced.with_name("other.onnx"), "--sample", csv, "--target", "size", "--trust")
    result = run(reduced, *options, "--activate")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "other.onnx does not serve: " in said
    assert "labels differ" in said
    assert predict(models_dir, [10, 10, 10]) == 1
    found = succeed(run(reduced, *options, "--json"))
    assert (found["engine"], found["supplied_onnx"]["certified"]) == ("sklearn", False)


def test_onnx_file_that_is_no_faster_is_said_not_to_be_used(run, csv, tmp_path, monkeypatch):
    monkeypatch.setattr("app.models.certification.supplied.is_better", lambda new, old: False)
    model = LogisticRegression().fit(BOXES.to_numpy(), SIZE)
    joblib.dump(model, tmp_path / "model.pkl")
    (tmp_path / "model.onnx").write_bytes(graph(model, width=3))
    options = ("--onnx", tmp_path / "model.onnx", "--sample", csv, "--target", "size", "--trust")
    result = run(tmp_path / "model.pkl", *options)
    assert "model.onnx is certified, but does not serve: onnx is as fast without it" in result.stdout


def test_model_is_imported_under_the_name_asked_for(run, models_dir, forest, csv):
    options = ("--sample", csv, "--target", "size", "--trust", "--json", "--version", "v1")
    succeed(run(forest, *options, "--model", "boxes"))
    assert (models_dir / "boxes" / "model_v1" / "metadata.json").is_file()
    fail(run(forest, *options, "--model", "model_x"), "No model can be named 'model_x'")


def test_regressor_without_a_target_has_no_metrics(run, csv, tmp_path):
    joblib.dump(LinearRegression().fit(BOXES, range(20)), tmp_path / "line.pkl")
    found = succeed(run(tmp_path / "line.pkl", "--sample", csv.with_name("bare.csv"), "--trust", "--json"))
    assert (found["metrics"], found["model_type"]) == ({}, "LinearRegression")


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_skops_file_needs_no_trust(run, csv, tmp_path, model):
    skops.io.dump(model.fit(BOXES, SIZE), tmp_path / "model.skops")
    result = run(tmp_path / "model.skops", "--sample", csv, "--target", "size", "--json")
    assert "runs code" not in result.stderr
    assert succeed(result)["metrics"]["accuracy"] == 1.0


def test_skops_file_cannot_say_what_is_to_be_trusted(run, csv, tmp_path):
    skops.io.dump(fitted(SumClassifier()), tmp_path / "model.skops")
    said = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert said == ["tests.estimators.SumClassifier"]
    for options in ((), ("--trust",)):
        result = run(tmp_path / "model.skops", "--sample", csv, "--target", "size", *options)
        fail(result, "types that this server does not trust", "SumClassifier")
    assert all(name.startswith("sklearn.") for name in TRUSTED)


def damaged(forest):
    forest.write_bytes(forest.read_bytes()[:100])


def no_model(forest):
    joblib.dump({"not": "a model"}, forest)


def transformer(forest):
    joblib.dump(StandardScaler().fit(BOXES), forest)


def unfitted(forest):
    joblib.dump(RandomForestClassifier(), forest)


def other_scikit_learn(forest):
    model = LogisticRegression().fit(BOXES, SIZE)
    content = pickle.dumps(model)
    from sklearn import __version__ as version

    assert content.count(version.encode()) == 1
    forest.write_bytes(content.replace(version.encode(), b"0" + version.encode()[1:]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (damaged, "cannot be read"),
        (no_model, "no predict method"),
        (transformer, "no predict method"),
        (unfitted, "does not predict the sample: NotFittedError"),
        (other_scikit_learn, "was written by scikit-learn 0."),
    ],
)
def test_file_that_is_no_fitted_model_is_refused_with_the_reason(run, store, forest, csv, change, reason):
    change(forest)
    fail(run(forest, "--sample", csv, "--target", "size", "--trust"), reason)
    assert store.versions() == []


@pytest.mark.parametrize(
    ("content", "target", "reason"),
    [
        ("height,width\n1,2\n", None, "lacks columns of the model: depth"),
        ("height,width,depth\n", None, "has no rows"),
        ("", None, "is empty"),
        ("height,width,depth\n1,2,3\n", "size", "has no column 'size'"),
        ("height,width,depth\na,b,c\n", None, "does not predict the sample: ValueError"),
    ],
)
def test_sample_that_does_not_fit_is_refused_with_the_reason(
    run, store, forest, tmp_path, content, target, reason
):
    (tmp_path / "sample.csv").write_text(content)
    options = () if target is None else ("--target", target)
    fail(run(forest, "--sample", tmp_path / "sample.csv", *options, "--trust"), reason)
    assert store.versions() == []


def test_sample_with_the_target_among_its_columns_says_so(run, csv, tmp_path):
    joblib.dump(LogisticRegression().fit(BOXES.to_numpy(), SIZE), tmp_path / "model.pkl")
    fail(
        run(tmp_path / "model.pkl", "--sample", csv, "--trust"),
        "has 4 columns, the model wants 3",
        "--target",
    )


def test_version_that_is_taken_is_not_touched(run, store, forest, csv):
    options = ("--sample", csv, "--target", "size", "--version", "v1", "--trust")
    assert run(forest, *options).exit_code == 0
    before = store.raw_metadata("v1")
    forest.write_bytes(b"not read any more")
    fail(run(forest, *options), "exists already")
    assert store.raw_metadata("v1") == before


def test_file_that_is_not_there_is_wrong_usage(run, csv, tmp_path):
    assert run(tmp_path / "nothing.pkl", "--sample", csv, "--trust").exit_code == 2
