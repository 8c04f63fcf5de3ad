import hashlib
import json

from sklearn.linear_model import LogisticRegression

from app.models.training.estimators import mixed_pipeline
from tests.assertions import assert_error
from tests.estimators import INCOME, NAMES, PEOPLE, SumClassifier, SumRegressor, fitted


def test_info_tells_what_the_model_is(serve, models_dir):
    client = serve(
        fitted(SumRegressor(factor=2.0)),
        version="v1",
        metadata={"metrics": {"r2": 0.5}},
        OUTLIER_POLICY="off",
    )
    info = client.get("/api/model/info").get_json()
    assert info["model_type"] == "SumRegressor"
    assert info["task"] == "regression"
    assert (info["n_features"], info["feature_names"]) == (3, NAMES)
    assert (info["n_classes"], info["classes"]) == (0, [])
    assert info["feature_importance"] is None
    assert info["model_params"] == {"factor": 2.0}
    content = (models_dir / "model_v1" / "model.pkl").read_bytes()
    assert info["metadata"]["files"] == {
        "model.pkl": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    }
    assert info["metadata"]["version"] == "v1"
    assert info["metadata"]["metrics"] == {"r2": 0.5}
    assert info["metadata"]["engine"] == "sklearn"
    assert info["metadata"]["saved_at"].endswith("+00:00")


def test_info_tells_the_classes(serve):
    info = serve(fitted(SumClassifier())).get("/api/model/info").get_json()
    assert (info["n_classes"], info["classes"], info["task"]) == (2, [0, 1], "classification")


def test_info_tells_names_kinds_ranges_and_categories_of_the_columns(serve):
    pipeline = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    info = serve(pipeline, sample=PEOPLE).get("/api/model/info").get_json()
    age, city = info["features"]
    assert (age["name"], age["kind"], age["nullable"]) == ("age", "number", True)
    assert (age["statistics"]["min"], age["statistics"]["max"]) == (20.0, 40.0)
    assert (city["name"], city["kind"], city["open"]) == ("city", "category", True)
    assert city["categories"] == ["Athens", "Berlin", "Cairo"]


def test_info_tells_how_the_model_did_on_held_out_rows(trained):
    metadata = trained("synthetic").get("/api/model/info").get_json()["metadata"]
    matrix = metadata["confusion_matrix"]
    right = sum(row[at] for at, row in enumerate(matrix["counts"]))
    assert matrix["labels"] == [0, 1, 2]
    assert right / sum(map(sum, matrix["counts"])) == metadata["metrics"]["accuracy"]
    assert metadata["dataset"] == "synthetic"
    assert metadata["residuals"] is None


def test_info_ranks_the_features_of_a_forest(trained):
    info = trained("synthetic").get("/api/model/info").get_json()
    assert list(info["feature_importance"]) == info["feature_names"]
    assert abs(sum(info["feature_importance"].values()) - 1) < 1e-9
    assert info["model_params"]["n_estimators"] == 100


def test_without_a_model_there_is_no_info(empty_app):
    assert_error(empty_app.test_client().get("/api/model/info"), 503, "model_error")


def test_info_has_a_training_row_that_is_answered_as_it_stands(people):
    example = people.get("/api/model/info").json["example"]
    assert list(example) == list(PEOPLE.columns)
    assert example in json.loads(PEOPLE.to_json(orient="records"))
    assert people.post("/api/predict", json={"features": example}).status_code == 200
