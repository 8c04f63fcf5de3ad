"""The certifier is itself tested: faults are planted in compiled models, and it has to find each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.models.certification.certificate import certify_candidate
from app.models.certification.certify import certify
from app.models.certification.model_under_test import ModelUnderTest, analyse
from app.models.compilation.compilers import Candidate, candidates
from app.models.engines.kernel import KernelSpec
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.publishing.inspection import inspect_model
from app.models.schema.rows import Rows

Plant = Callable[[dict[str, onnx.AttributeProto]], tuple[str, Any]]

FEATURES, TARGET = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
HOLES = np.where(np.random.default_rng(0).random(FEATURES.shape) < 0.2, np.nan, FEATURES)


def analysed(estimator: Any, features: Any) -> tuple[ModelUnderTest, Rows]:
    under_test = inspect_model(estimator, features)
    rows = under_test.rows
    return analyse(estimator, under_test.signature, under_test.output, rows), rows


def compiled(model: ModelUnderTest) -> Candidate:
    return next(candidates(model.last, model.output, width=model.width))


def with_fault(candidate: Candidate, plant: Plant) -> Candidate:
    model = onnx.load_model_from_string(candidate.content)
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    attributes = {attribute.name: attribute for attribute in node.attribute}
    name, value = plant(attributes)
    node.attribute.remove(attributes[name])
    node.attribute.append(helper.make_attribute(name, value))
    return replace(candidate, content=model.SerializeToString())


@pytest.fixture(scope="module")
def forest() -> tuple[ModelUnderTest, Rows]:
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    return analysed(pipeline.fit(FEATURES, TARGET), FEATURES)


@pytest.fixture(scope="module")
def boosting() -> tuple[ModelUnderTest, Rows]:
    return analysed(HistGradientBoostingClassifier(max_iter=3).fit(HOLES, TARGET), HOLES)


def test_compiled_model_without_a_fault_is_certified(
    forest: tuple[ModelUnderTest, Rows], boosting: tuple[ModelUnderTest, Rows]
) -> None:
    for model, rows in (forest, boosting):
        certificate = certify_candidate(compiled(model), model, rows)
        assert certificate["certified"], certificate["reason"]
        assert certificate["splits"]["tried"] == certificate["splits"]["total"] > 0


@pytest.mark.parametrize("split", [0, 7, -1])
@pytest.mark.parametrize(("name", "precision"), [("forest", np.float32), ("boosting", np.float64)])
def test_one_threshold_moved_by_one_floating_point_step_is_found(
    request: pytest.FixtureRequest, name: str, precision: type, split: int
) -> None:
    model, rows = request.getfixturevalue(name)

    def move(attributes: dict[str, onnx.AttributeProto]) -> tuple[str, Any]:
        splits = numpy_helper.to_array(attributes["nodes_splits"].t).copy()
        splits[split] = np.nextafter(precision(splits[split]), precision(np.inf))
        return "nodes_splits", numpy_helper.from_array(splits)

    assert not certify_candidate(with_fault(compiled(model), move), model, rows)["certified"]


def test_two_classes_swapped_are_found(forest: tuple[ModelUnderTest, Rows]) -> None:
    model, rows = forest

    def swap(attributes: dict[str, onnx.AttributeProto]) -> tuple[str, Any]:
        swapped = {0: 1, 1: 0, 2: 2}
        return "leaf_targetids", [swapped[target] for target in attributes["leaf_targetids"].ints]

    certificate = certify_candidate(with_fault(compiled(model), swap), model, rows)
    assert not certificate["certified"]
    assert certificate["label_mismatches"] > 0


def test_missing_values_routed_to_the_wrong_side_are_found(boosting: tuple[ModelUnderTest, Rows]) -> None:
    model, rows = boosting

    def drop(attributes: dict[str, onnx.AttributeProto]) -> tuple[str, Any]:
        routes = attributes["nodes_missing_value_tracks_true"].ints
        assert any(routes)
        return "nodes_missing_value_tracks_true", [0] * len(routes)

    assert not certify_candidate(with_fault(compiled(model), drop), model, rows)["certified"]


def test_scaler_inside_a_float32_graph_is_found() -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    features = FEATURES * 1e-3 + 1e4  # float32 keeps few digits of such numbers
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    model, rows = analysed(pipeline.fit(features, TARGET), features)
    graph = to_onnx(
        pipeline,
        initial_types=[("X", FloatTensorType([None, features.shape[1]]))],
        options={id(pipeline): {"zipmap": False}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    whole = Candidate(
        "onnx",
        "float32",
        graph.SerializeToString(),
        KernelSpec("model.onnx", "float32", rounded=False, reading="probabilities", output=1),
    )
    unprepared = replace(model, preprocessor=Preprocessor(), prepared=None)
    assert not certify_candidate(whole, unprepared, rows)["certified"]
    assert certify_candidate(compiled(model), model, rows)["certified"]


def test_trees_after_an_imputer_without_a_way_back_are_compiled() -> None:
    """SimpleImputer has an inverse_transform, which raises unless it adds indicators."""
    pipeline = make_pipeline(SimpleImputer(), RandomForestClassifier(5, random_state=0))
    model, rows = analysed(pipeline.fit(HOLES, TARGET), HOLES)
    certificate = certify_candidate(compiled(model), model, rows)
    assert certificate["certified"], certificate["reason"]
    assert certificate["splits"]["tried"] == certificate["splits"]["total"] > 0


def test_histogram_boosting_fed_float32_is_found(boosting: tuple[ModelUnderTest, Rows]) -> None:
    model, rows = boosting
    candidate = compiled(model)
    assert candidate.spec is not None
    rounded = replace(candidate, spec=replace(candidate.spec, rounded=True))
    assert not certify_candidate(rounded, model, rows)["certified"]


def test_model_that_cannot_be_compiled_serves_on_scikit_learn_and_says_why() -> None:
    from sklearn.random_projection import GaussianRandomProjection as Projection

    pipeline = make_pipeline(Projection(3, random_state=1), RandomForestClassifier(3)).fit(FEATURES, TARGET)
    found = inspect_model(pipeline, FEATURES)
    certification = certify(pipeline, found.signature, found.output, found.rows)
    assert certification.engine == "sklearn"
    assert "GaussianRandomProjection" in certification.certificates["onnx"]["reason"]
    assert certification.files == {}
