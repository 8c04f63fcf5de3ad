"""ONNX graphs that came with a model: the right ones may serve, and what is wrong with the others is said."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.random_projection import GaussianRandomProjection as Projection
from sklearn.svm import LinearSVC

from app.models.certification.certificate import is_better
from app.models.loading import loader
from app.models.publishing.publish import publish, recertify
from tests.app.models.loading.test_verification import external_onnx

FEATURES, TARGET = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
TWO = (TARGET > 0).astype(int)
SCALED = make_pipeline(StandardScaler(), LogisticRegression()).fit(FEATURES, TARGET)
# A random projection has no compiled form here: nothing but a supplied graph can serve it compiled.
REDUCED = make_pipeline(Projection(3, random_state=1), LogisticRegression(C=0.1)).fit(FEATURES, TARGET)


def graph(
    model: Any, *, width: int = 6, kind: Any = DoubleTensorType, rows: int | None = None, **options: Any
):
    options = options or ({"zipmap": False} if hasattr(model, "predict_proba") else {})
    return to_onnx(
        model,
        initial_types=[("X", kind([rows, width]))],
        options={id(model): options} if options else {type(model[-1]): {}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    ).SerializeToString()


def changed(content: bytes, change) -> bytes:
    model = onnx.load_model_from_string(content)
    change(model.graph)
    return model.SerializeToString()


@pytest.fixture
def supply(store):
    """Publish a model with a graph, and return the metadata."""

    def supply(model, content, sample=FEATURES):
        version = publish(store, model, sample=sample, graph=content)
        return store.metadata(version)

    return supply


def refused(metadata, *words):
    supplied = metadata["supplied_onnx"]
    assert (supplied["certified"], supplied["serves"]) == (False, False)
    assert all(word in supplied["reason"] for word in words), supplied["reason"]
    assert "supplied.onnx" not in metadata["files"]


@pytest.mark.parametrize("kind", [DoubleTensorType, FloatTensorType], ids=["float64", "float32"])
def test_graph_serves_where_the_project_can_compile_none(supply, store, kind):
    metadata = supply(REDUCED, graph(REDUCED, kind=kind))
    assert metadata["supplied_onnx"]["serves"], metadata["supplied_onnx"]["reason"]
    assert metadata["engine"] == "onnx"
    assert "supplied.onnx" in metadata["files"]
    model = loader.load(store, metadata["version"], loader.LoadingOptions())
    assert model.engine.name == "onnx"
    answers = model.engine.predict(FEATURES)
    np.testing.assert_allclose(answers.probabilities, REDUCED.predict_proba(FEATURES), atol=1e-6)


@pytest.mark.parametrize(
    ("model", "exported", "form"),
    [(SCALED, SCALED, "whole pipeline"), (SCALED, SCALED[-1], "last step")],
    ids=["whole pipeline", "last step"],
)
def test_graph_is_fed_what_it_stands_for(supply, model, exported, form):
    supplied = supply(model, graph(exported))["supplied_onnx"]
    assert (supplied["certified"], supplied["form"]) == (True, form)
    assert supplied["max_difference"] < 1e-12


def test_graph_of_a_whole_pipeline_is_fed_columns_as_they_come(store, supply, monkeypatch):
    """Chosen over the project's own, which is as fast, so that it serves."""
    monkeypatch.setattr("app.models.certification.user_onnx.is_better", lambda new, old: True)
    metadata = supply(SCALED, graph(SCALED))
    assert metadata["certificates"]["onnx"]["kernel"]["whole"]
    model = loader.load(store, metadata["version"], loader.LoadingOptions(engine="onnx"))
    np.testing.assert_allclose(
        model.engine.predict(FEATURES).probabilities, SCALED.predict_proba(FEATURES), atol=1e-9
    )


@pytest.mark.parametrize(
    ("microseconds", "better"), [(10.0, False), (7.6, False), (7.4, True), (None, False)]
)
def test_another_form_replaces_a_certified_one_if_it_is_faster_by_a_quarter(microseconds, better):
    old = {"certified": True, "median_us": {"1": 10.0, "100": 10.0}}
    new = {"certified": True, "median_us": {"1": microseconds, "100": microseconds}}
    assert is_better(new if microseconds else {"certified": False}, old) is better


def test_graph_that_is_no_faster_does_not_replace_the_projects_own(supply, monkeypatch):
    monkeypatch.setattr("app.models.certification.user_onnx.is_better", lambda new, old: False)
    metadata = supply(SCALED, graph(SCALED))
    assert metadata["supplied_onnx"]["certified"]
    assert not metadata["supplied_onnx"]["serves"]
    assert set(metadata["files"]) == {"model.pkl", "model.onnx", "preprocessing.json", "explanation.npz"}
    assert metadata["certificates"]["onnx"]["kernel"]["file"] == "model.onnx"


@pytest.mark.parametrize(
    ("model", "target", "kind"),
    [
        (LinearRegression(), FEATURES[:, 0] * 3, DoubleTensorType),
        (LinearSVC(), TARGET, FloatTensorType),
        (LogisticRegression(), TWO, FloatTensorType),
    ],
    ids=["values", "scores", "two classes"],
)
def test_outputs_of_every_kind_are_read(supply, model, target, kind):
    pipeline = make_pipeline(Projection(3, random_state=1), model).fit(FEATURES, target)
    supplied = supply(pipeline, graph(pipeline, kind=kind))["supplied_onnx"]
    assert supplied["serves"], supplied["reason"]


def test_graph_with_the_probability_of_the_second_class_only(supply):
    pipeline = make_pipeline(Projection(3, random_state=1), LogisticRegression()).fit(FEATURES, TWO)

    def keep_the_second(content):
        content.initializer.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "second"))
        content.node.append(helper.make_node("Gather", ["probabilities", "second"], ["positive"], axis=1))
        del content.output[:]
        content.output.append(helper.make_tensor_value_info("positive", TensorProto.DOUBLE, [None, 1]))

    supplied = supply(pipeline, changed(graph(pipeline), keep_the_second))["supplied_onnx"]
    assert supplied["serves"], supplied["reason"]
    assert supplied["kernel"]["reading"] == "positive_probability"


# --- planted faults


def test_graph_of_another_model_is_found(supply):
    other = make_pipeline(Projection(3, random_state=1), LogisticRegression(C=1e-3)).fit(FEATURES, TARGET)
    metadata = supply(REDUCED, graph(other))
    refused(metadata, "labels differ")
    assert metadata["engine"] == "sklearn"


def test_one_coefficient_that_is_off_is_found(supply):
    def plant(content):
        node = next(node for node in content.node if node.op_type == "Gemm" or "coef" in str(node.input))
        name = next(name for name in node.input if any(name == each.name for each in content.initializer))
        found = next(each for each in content.initializer if each.name == name)
        values = numpy_helper.to_array(found).copy()
        values.flat[0] += 1e-3
        found.CopyFrom(numpy_helper.from_array(values, name))

    refused(supply(REDUCED, changed(graph(REDUCED), plant)), "differ")


def test_scaler_inside_a_float32_graph_of_trees_is_found(supply):
    features = FEATURES * 1e-3 + 1e4  # float32 keeps few digits of such numbers
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(features, TARGET)
    metadata = supply(forest, graph(forest, kind=FloatTensorType), features)
    refused(metadata, "as whole pipeline: ", "labels differ", "as last step: ")
    assert metadata["engine"] != "sklearn"  # the project's own goes on


@pytest.mark.parametrize(
    "step",
    [Projection(3, random_state=1), PolynomialFeatures()],
    ids=["no compiled form", "no way back"],
)
def test_trees_whose_edges_cannot_be_tried_are_refused(supply, step):
    forest = make_pipeline(step, RandomForestClassifier(5, random_state=0)).fit(FEATURES, TARGET)
    content = graph(forest, kind=FloatTensorType)
    refused(supply(forest, content), "the edges of its trees cannot be tried")


# --- graphs that cannot be fed or read


def two_inputs(content):
    content.input.append(helper.make_tensor_value_info("Z", TensorProto.DOUBLE, [None, 1]))


def integers(content):
    content.node.insert(0, helper.make_node("Cast", ["whole"], ["X"], to=TensorProto.DOUBLE))
    content.input[0].CopyFrom(helper.make_tensor_value_info("whole", TensorProto.INT64, [None, 6]))


def labels_alone(content):
    del content.output[1:]


def two_to_read(content):
    content.node.append(helper.make_node("Neg", ["probabilities"], ["first"]))
    content.node.append(helper.make_node("Neg", ["first"], ["second"]))
    del content.output[:]
    for name in ("first", "second"):
        content.output.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 3]))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no graph", "INVALID_PROTOBUF"),
        (b"", "No graph was found"),
        (graph(REDUCED)[:-40], "InvalidProtobuf"),
        (external_onnx("../../etc/passwd"), "external data"),
        (graph(REDUCED, kind=FloatTensorType, zipmap=True), "options={'zipmap': False}"),
        (graph(REDUCED, kind=DoubleTensorType, zipmap=True), "options={'zipmap': False}"),
        (graph(REDUCED, rows=1), "takes exactly 1 rows: export it with a number of rows that varies"),
        (graph(REDUCED[-1], width=3), "it takes 3 columns, the model 6"),
        (changed(graph(REDUCED), two_inputs), "it takes 2 inputs"),
        (changed(graph(REDUCED), integers), "its input is tensor(int64)"),
        (changed(graph(REDUCED), labels_alone), "one output of numbers to read, it has: none"),
        (changed(graph(REDUCED), two_to_read), "it has: 'first', 'second'"),
    ],
    ids=["no graph", "empty", "cut off", "external data", "zipmap", "zipmap in float64", "one row",
         "other columns", "two inputs", "integers", "labels alone", "two to read"],
)  # fmt: skip
def test_graph_that_cannot_be_used_is_refused_with_what_to_do(supply, content, reason):
    metadata = supply(REDUCED, content)
    refused(metadata, reason)
    assert metadata["engine"] == "sklearn"


def test_certification_again_tries_the_graph_again(supply, store):
    version = supply(REDUCED, graph(REDUCED))["version"]
    metadata = recertify(store, version)
    assert (metadata["engine"], metadata["supplied_onnx"]["serves"]) == ("onnx", True)
    assert loader.load(store, version, loader.LoadingOptions()).engine.name == "onnx"


def test_version_without_a_graph_says_nothing_about_one(supply):
    assert "supplied_onnx" not in supply(SCALED, None)
