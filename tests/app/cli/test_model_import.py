"""``flask models import``: a model that somebody else fitted becomes a version that serves."""

import io
import json
import pickle
import sys
import zipfile
from importlib import import_module

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.random_projection import GaussianRandomProjection as Projection
from sklearn.tree import DecisionTreeClassifier

from app import create_app
from app.models.importing.importer import import_files
from app.models.importing.request import ImportRequest
from app.models.loading.version_code import importable
from app.models.ml_models import model_manager
from tests.app.models.certification.test_user_onnx import graph
from tests.app.models.importing.exported.exports import exported
from tests.app.models.repository.test_store import Canary, pickled
from tests.app.models.untrusted.hostile import HOSTILE
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
def run(run_apart, monkeypatch):
    """Import in this process whatever it is; a drill does to the process of its own what files may do."""
    monkeypatch.setattr("app.cli.model_import.import_apart", import_files)
    return run_apart


@pytest.fixture
def run_apart(models_dir):
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
    model = make_pipeline(Projection(2, random_state=1), LogisticRegression()).fit(BOXES.to_numpy(), SIZE)
    joblib.dump(model, tmp_path / "reduced.pkl")
    (tmp_path / "reduced.onnx").write_bytes(graph(model, width=3))
    other = make_pipeline(Projection(2, random_state=1), LogisticRegression()).fit(BOXES.to_numpy(), 1 - SIZE)
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
    monkeypatch.setattr("app.models.certification.user_onnx.is_better", lambda new, old: False)
    model = LogisticRegression().fit(BOXES.to_numpy(), SIZE)
    joblib.dump(model, tmp_path / "model.pkl")
    (tmp_path / "model.onnx").write_bytes(graph(model, width=3))
    options = ("--onnx", tmp_path / "model.onnx", "--sample", csv, "--target", "size", "--trust")
    result = run(tmp_path / "model.pkl", *options)
    assert "model.onnx is certified, but does not serve: onnx is as fast without it" in result.stdout


def test_export_is_imported_without_trust_or_sample_and_serves_alone(run_apart, models_dir, tmp_path):
    content = exported(LogisticRegression().fit(BOXES, ["small", "large"] * 10), BOXES)
    (tmp_path / "old.export").write_bytes(content)
    found = succeed(run_apart(tmp_path / "old.export", "--version", "old", "--activate", "--json"))
    assert found["engine"] == "onnx"
    app = create_app(configuration(models_dir))
    with app.app_context():
        model_manager.load_model()
    client = app.test_client()
    about = client.get("/api/model/info").get_json()["metadata"]
    assert about["serves_alone"] == "it was exported, and holds no pickle"
    assert "scikit-learn" in about["exported_from"]
    answer = client.post("/api/predict", json={"features": [10, 10, 10]}).get_json()
    assert answer["result"]["prediction"] == "large"
    beyond = client.post("/api/predict", json={"features": [1e15, 0, 0]})
    assert beyond.status_code == 400
    assert "beyond what the certificate covers" in beyond.get_data(as_text=True)


def test_export_has_its_own_sample_and_a_model_needs_one(run, tmp_path, csv):
    (tmp_path / "old.export").write_bytes(b"")
    (tmp_path / "model.skops").write_bytes(b"")
    assert "leave out --scaler" in run(tmp_path / "old.export", "--sample", csv).output
    assert "Missing option '--sample'" in run(tmp_path / "model.skops").output


def test_hostile_export_is_refused_in_one_line(run, tmp_path):
    (tmp_path / "old.export").write_bytes(b"no archive")
    fail(run(tmp_path / "old.export"), "Error: old.export cannot be read: BadZipFile: File is not a zip file")


def test_model_is_imported_under_the_name_asked_for(run, models_dir, forest, csv):
    options = ("--sample", csv, "--target", "size", "--trust", "--json", "--version", "v1")
    succeed(run(forest, *options, "--model", "boxes"))
    assert (models_dir / "boxes" / "model_v1" / "metadata.json").is_file()
    fail(run(forest, *options, "--model", "model_x"), "No model can be named 'model_x'")


def test_regressor_without_a_target_has_no_metrics(run, csv, tmp_path):
    joblib.dump(LinearRegression().fit(BOXES, range(20)), tmp_path / "line.pkl")
    found = succeed(run(tmp_path / "line.pkl", "--sample", csv.with_name("bare.csv"), "--trust", "--json"))
    assert (found["metrics"], found["model_type"]) == ({}, "LinearRegression")


def test_skops_file_needs_no_trust(run, csv, tmp_path):
    skops.io.dump(RandomForestClassifier(n_estimators=3).fit(BOXES, SIZE), tmp_path / "model.skops")
    result = run(tmp_path / "model.skops", "--sample", csv, "--target", "size", "--json")
    assert "runs code" not in result.stderr
    assert succeed(result)["metrics"]["accuracy"] == 1.0


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_skops_file_of_any_kind_is_imported_without_trust(store, csv, tmp_path, model):
    """As in the process that the command starts for it."""
    skops.io.dump(model.fit(BOXES, SIZE), tmp_path / "model.skops")
    version = import_files(ImportRequest(store.root, tmp_path / "model.skops", csv, target="size"))
    assert store.metadata(version)["metrics"]["accuracy"] == 1.0


def test_skops_file_cannot_say_what_is_to_be_trusted(run, csv, tmp_path):
    skops.io.dump(fitted(SumClassifier()), tmp_path / "model.skops")
    said = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert said == ["tests.estimators.SumClassifier"]
    for options in ((), ("--trust",), ("--trust", "tests.estimators.SumRegressor")):
        result = run(tmp_path / "model.skops", "--sample", csv, "--target", "size", *options)
        fail(result, "types that this server does not trust", "--trust tests.estimators.SumClassifier")


def test_type_in_a_skops_file_is_trusted_by_its_name(run_apart, csv, tmp_path):
    skops.io.dump(fitted(SumClassifier()), tmp_path / "model.skops")
    named = ("--trust", "tests.estimators.SumClassifier")
    result = run_apart(tmp_path / "model.skops", "--sample", csv, "--target", "size", *named, "--json")
    assert succeed(result)["model_type"] == "SumClassifier"


@pytest.mark.parametrize("value", ["model.pkl", "a/b", "model"])
def test_model_after_trust_is_not_taken_for_a_type(run, csv, tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").touch()
    (tmp_path / "model.pkl").touch()
    result = run("--sample", csv, "--trust", value)
    assert result.exit_code == 2
    assert "put MODEL before --trust" in " ".join(result.output.split())


def damaged(forest):
    forest.write_bytes(forest.read_bytes()[:100])


def no_model(forest):
    joblib.dump({"not": "a model"}, forest)


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
        (no_model, "neither a predict nor a transform method"),
        (unfitted, "RandomForestClassifier is not fitted: call fit first"),
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
        "has 4 columns, the model takes 3",
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


ZIPS = pd.DataFrame(
    {"zip": ["01234", "00045", "12345"] * 10, "member": ["True", "False", "True"] * 10}, dtype=object
)


@pytest.fixture
def zips(tmp_path):
    """A model fitted to text that looks like numbers and truth values, and its rows as CSV; ``NA`` is a
    class."""
    target = np.array(["NA", "None", "x"] * 10, dtype=object)
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["zip", "member"]))
    joblib.dump(make_pipeline(encoder, LogisticRegression()).fit(ZIPS, target), tmp_path / "zips.pkl")
    ZIPS.assign(region=target).to_csv(tmp_path / "zips.csv", index=False)
    return tmp_path / "zips.pkl"


def test_text_that_looks_like_numbers_stays_the_text_that_the_model_was_fitted_to(run, models_dir, zips):
    options = ("--sample", zips.with_suffix(".csv"), "--target", "region", "--activate", "--trust", "--json")
    found = succeed(run(zips, *options))
    assert found["metrics"]["accuracy"] == 1.0
    for row, label in zip(ZIPS.to_dict("records")[:3], ["NA", "None", "x"], strict=True):
        assert predict(models_dir, row) == label


def test_rows_without_a_target_are_counted_and_left_out_of_the_metrics(run, store, zips):
    frame = pd.read_csv(zips.with_suffix(".csv"), dtype=str, keep_default_na=False)
    frame.loc[:3, "region"] = ""
    frame.to_csv(zips.with_suffix(".csv"), index=False)
    options = ("--sample", zips.with_suffix(".csv"), "--target", "region", "--version", "v1", "--trust")
    assert run(zips, *options).exit_code == 0
    assert store.metadata("v1")["rows_without_target"] == 4


def test_dtypes_of_a_parquet_sample_reach_the_model(run, models_dir, tmp_path):
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 20, "kind": list("abcd") * 20}).astype(
        {"kind": "category"}
    )
    model = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype", min_samples_leaf=2)
    joblib.dump(model.fit(frame, [0, 1, 0, 1] * 20), tmp_path / "kinds.pkl")
    frame.to_parquet(tmp_path / "kinds.parquet")
    options = ("--sample", tmp_path / "kinds.parquet", "--activate", "--trust", "--json")
    succeed(run(tmp_path / "kinds.pkl", *options))
    assert predict(models_dir, {"size": 2, "kind": "b"}) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda frame: frame.assign(extra=1), "has columns that the model was not fitted to: extra"),
        (lambda frame: frame.drop(columns=["depth"]), "lacks columns of the model: depth"),
    ],
    ids=["one more", "one less"],
)
def test_columns_of_the_sample_that_do_not_fit_are_named(run, store, forest, tmp_path, change, reason):
    change(BOXES).to_csv(tmp_path / "sample.csv", index=False)
    fail(run(forest, "--sample", tmp_path / "sample.csv", "--trust"), reason)
    assert store.versions() == []


def test_columns_of_the_sample_in_another_order_serve_under_their_own_names(run, models_dir, tmp_path):
    model = LinearRegression().fit(BOXES + np.eye(20, 3), np.arange(20.0))
    joblib.dump(model, tmp_path / "line.pkl")
    (BOXES + np.eye(20, 3))[["depth", "height", "width"]].to_csv(tmp_path / "sample.csv", index=False)
    options = ("--sample", tmp_path / "sample.csv", "--activate", "--trust", "--json")
    succeed(run(tmp_path / "line.pkl", *options))
    row = pd.DataFrame([{"height": 1.0, "width": 2.0, "depth": 4.0}])
    assert predict(models_dir, row.iloc[0].to_dict()) == pytest.approx(model.predict(row)[0])


def test_whatever_is_handed_over_ends_in_a_sentence(run, store, csv, tmp_path):
    for number, thing in enumerate(({"a": 1}, None, LogisticRegression, [1, 2], "text", np.ones(3))):
        joblib.dump(thing, tmp_path / f"{number}.pkl")
        fail(run(tmp_path / f"{number}.pkl", "--sample", csv, "--trust"), "Error: ")
    assert store.versions() == []


def test_hostile_skops_file_is_refused_in_one_line(run, store, csv, tmp_path):
    skops.io.dump(HOSTILE["k-d tree: point out of memory"][0](), tmp_path / "model.skops")
    result = run(tmp_path / "model.skops", "--sample", csv, "--target", "size", "--version", "v1")
    fail(result, "Error: model.skops cannot be imported: a KDTree names points that it does not have")
    assert result.output.splitlines()[-1].startswith("Error: model.skops")
    assert store.versions() == []


def test_hostile_scaler_is_refused_too(run, store, forest, csv, tmp_path):
    skops.io.dump(HOSTILE["in a forest"][0](), tmp_path / "scaler.skops")
    fail(
        run(forest, "--scaler", tmp_path / "scaler.skops", "--sample", csv, "--trust"),
        "scaler.skops cannot be imported: a decision tree has a child",
    )
    assert store.versions() == []


def test_file_that_crashes_its_reader_ends_in_one_line_too(run_apart, store, csv, tmp_path):
    """A tree whose nodes are no array crashes scikit-learn as it is made, before anybody can look at it."""
    content = io.BytesIO(skops.io.dumps(DecisionTreeClassifier().fit(BOXES, SIZE)))
    with zipfile.ZipFile(content) as good, zipfile.ZipFile(tmp_path / "model.skops", "w") as hostile:
        for name in good.namelist():
            inside = good.read(name)
            nodes = name.endswith(".npy") and b"left_child" in inside[:1000]
            hostile.writestr(name, scalar() if nodes else inside)
    result = run_apart(tmp_path / "model.skops", "--sample", csv, "--target", "size")
    fail(result, "Error: model.skops cannot be imported: the process that tried it was ended by SIGSEGV")
    assert result.output.splitlines()[-1].startswith("Error: model.skops")
    assert store.versions() == []


def scalar():
    stream = io.BytesIO()
    np.save(stream, np.float64(1))
    return stream.getvalue()


def test_model_that_takes_all_memory_when_it_predicts_is_refused(run_apart, store, csv, tmp_path):
    """Nothing in it is wrong but a parameter, which no check knows; this machine would give it 8 GiB."""
    model = make_pipeline(PolynomialFeatures(1), LinearRegression()).fit(BOXES, range(20))
    greedy = model[0]
    greedy.degree = greedy._max_degree = 684
    greedy.n_output_features_ = greedy._n_out_full = 53_917_395
    skops.io.dump(model, tmp_path / "model.skops")
    fail(
        run_apart(tmp_path / "model.skops", "--sample", csv, "--target", "size"),
        "MemoryError: Unable to allocate 8.",
    )
    assert store.versions() == []


OWN_MODULE = """
from sklearn.base import BaseEstimator, TransformerMixin

class Halved(TransformerMixin, BaseEstimator):
    def fit(self, rows, target=None):
        return self

    def transform(self, rows):
        return rows / 2

    def __sklearn_is_fitted__(self):
        return True
"""


@pytest.fixture
def own(tmp_path):
    """A pickled pipeline with a step of a module of one's own, and that module's file."""
    file = tmp_path / f"own_{tmp_path.name}.py".replace("-", "_")
    file.write_text(OWN_MODULE)
    with importable({file.name: file.read_bytes()}):
        step = import_module(file.stem).Halved()
    model = make_pipeline(step, LogisticRegression()).fit(BOXES.to_numpy(), SIZE)
    joblib.dump(model, tmp_path / "own.pkl")
    skops.io.dump(model, tmp_path / "own.skops")
    del sys.modules[file.stem]
    return file


def test_module_of_ones_own_travels_with_the_version(run, store, models_dir, csv, own):
    options = ("--sample", csv, "--target", "size", "--activate", "--trust", "--json", "--version", "v1")
    fail(run(own.with_name("own.pkl"), *options), f"needs the module '{own.stem}'", "bring it with --code")
    fail(run(own.with_name("own.pkl"), "--sample", csv, "--code", own), "--trust")
    succeed(run(own.with_name("own.pkl"), *options, "--code", own))
    assert store.metadata("v1")["code"] == [own.name]
    del sys.modules[own.stem]
    assert predict(models_dir, [10, 10, 10]) == 1


def test_module_of_ones_own_goes_with_a_skops_file_too(run_apart, store, csv, own):
    options = ("--sample", csv, "--target", "size", "--json", "--version", "v1", "--code", own)
    fail(run_apart(own.with_name("own.skops"), *options), "runs where it is loaded", "--trust")
    succeed(run_apart(own.with_name("own.skops"), *options, "--trust", f"{own.stem}.Halved"))
    assert store.metadata("v1")["code"] == [own.name]


def test_lambda_comes_by_cloudpickle_with_trust(run, store, models_dir, csv, tmp_path):
    model = make_pipeline(FunctionTransformer(lambda rows: rows / 2), LogisticRegression())
    content = cloudpickle.dumps(model.fit(BOXES.to_numpy(), SIZE))
    (tmp_path / "model.pkl").write_bytes(content)
    options = ("--sample", csv, "--target", "size", "--activate", "--json", "--version", "v1")
    fail(run(tmp_path / "model.pkl", *options), "--trust")
    succeed(run(tmp_path / "model.pkl", *options, "--trust"))
    assert "pickled_by_value" in store.metadata("v1")
    assert predict(models_dir, [10, 10, 10]) == 1


def test_class_of_a_notebook_is_refused_with_what_to_do(run, csv, tmp_path):
    content = pickle.dumps(fitted(SumClassifier())).replace(b"tests.estimators", b"__main__")
    (tmp_path / "model.pkl").write_bytes(content.replace(b"\x8c\x10__main__", b"\x8c\x08__main__"))
    result = run(tmp_path / "model.pkl", "--sample", csv, "--target", "size", "--trust")
    fail(result, "SumClassifier is not to be found outside of the script", "save the model with cloudpickle")
