"""Each hole that was closed, opened again: then the certificate must fail."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine, make_classification, make_regression
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from app.exceptions import UnsupportedModel
from app.models.certification import certificate, thresholds
from app.models.certification.boundary import boundary_rows
from app.models.certification.certificate import certify_candidate
from app.models.certification.comparison import Comparison, ask, compare_answers
from app.models.certification.model_under_test import analyse
from app.models.compilation import labels
from app.models.compilation.compilers import Candidate, candidates
from app.models.compilation.composition.composed_models import COMPOSED_MODELS
from app.models.engines.compiled import CompiledEngine
from app.models.engines.output import EngineOutput
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.publishing import forms, sample
from app.models.publishing.inspection import inspect_model
from app.models.publishing.publish import publish
from tests.conformance import own_code

pytestmark = pytest.mark.filterwarnings("ignore")
TWO = make_classification(300, 6, n_informative=4, random_state=0)
THREE = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)


def analysed(model, rows):
    found = inspect_model(model, rows)
    return analyse(model, found.signature, found.output, found.rows), found.rows


def certificates(model, rows, change=lambda candidate: candidate):
    """Of each compiled form of a model, after a change to it."""
    under_test, training = analysed(model, rows)
    found = [
        certify_candidate(change(candidate), under_test, training)
        for candidate in candidates(under_test.last, under_test.output, width=under_test.width)
    ]
    assert found
    return found


def refused(model, rows, change=lambda candidate: candidate, word="labels differ"):
    for found in certificates(model, rows, change):
        assert not found["certified"]
        assert word in found["reason"], found["reason"]


def without_tie(candidate: Candidate) -> Candidate:
    return replace(candidate, spec=replace(candidate.spec, tie=None))


def test_votes_read_off_scores_are_found(monkeypatch):
    monkeypatch.setattr(labels, "follow_from_numbers", lambda estimator, probabilities: True)
    monkeypatch.delitem(COMPOSED_MODELS, SVC)
    digits = load_digits()
    model = make_pipeline(StandardScaler(), SVC()).fit(digits.data[:400], digits.target[:400])
    refused(model, digits.data[:400])


@pytest.mark.parametrize("loss", ["modified_huber", "log_loss"])
def test_ties_of_saturated_probabilities_decided_by_argmax_are_found(loss):
    wine = load_wine()
    model = SGDClassifier(loss=loss, random_state=0).fit(wine.data, wine.target)
    refused(model, wine.data, without_tie)


def test_threshold_taken_for_one_half_is_found(monkeypatch):
    rows, target = TWO
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(rows, target)
    found = inspect_model(model, rows)
    raw, expected = ask(SklearnEngine(model, found.signature, found.output).predict, found.rows)
    careless = SklearnEngine(model, found.signature, found.output, single_call=True).predict(raw)
    compared = compare_answers(careless, (), expected, range(len(raw)), found.output)
    assert compared.label_mismatches > 0
    assert not labels.one_call_is_enough(model)


def test_estimator_that_is_said_to_take_nan_is_found_to_refuse_it(monkeypatch):
    from sklearn.impute import SimpleImputer

    rows, target = TWO
    holes = np.where(np.random.default_rng(0).random(rows.shape) < 0.2, np.nan, rows)
    model = make_pipeline(SimpleImputer(keep_empty_features=True), LogisticRegression()).fit(holes, target)
    under_test, training = analysed(model, holes)
    (found,) = [
        certify_candidate(candidate, replace(under_test, takes_nan=False), training)
        for candidate in list(candidates(under_test.last, under_test.output, width=6))[:1]
    ]
    assert found["certified"], found["reason"]
    bare = LogisticRegression().fit(rows, target)
    bare_test, _ = analysed(bare, rows)
    assert not bare_test.takes_nan


def test_rows_that_the_model_refuses_may_not_be_answered():
    refusing = np.array([False, True])
    expected = certificate.Comparison
    outcome = EngineOutput(np.array([1, 1]), None)
    from app.models.certification.comparison import Reference
    from app.models.schema.signature import OutputSignature

    reference = Reference(outcome, refusing)
    found = compare_answers(outcome, (), reference, [0, 1], OutputSignature("classification", (0, 1)))
    assert isinstance(found, expected)
    assert found.answered_refusals == 1
    assert "refuses" in found.reason()
    left = compare_answers(outcome, [1], reference, [0, 1], OutputSignature("classification", (0, 1)))
    assert left.reason() is None


@pytest.mark.parametrize(("apart", "certified"), [(5e-7, True), (2e-6, False)])
def test_values_are_certified_to_a_tenth_of_what_is_promised(monkeypatch, apart, certified):
    rows, target = make_regression(300, 4, random_state=0)
    target = 1e-4 * target / target.std() + 7.0  # small, and far from zero
    model = LinearRegression().fit(rows, target)
    run = certificate.load_kernel

    def off(engine, content, spec):
        kernel = run(engine, content, spec)
        exact = kernel.run
        kernel.run = lambda matrix: exact(matrix) + apart * 1e-4
        return kernel

    monkeypatch.setattr(certificate, "load_kernel", off)
    assert certificates(model, rows)[0]["certified"] is certified


def test_splits_that_are_neither_tried_nor_proven_are_not_certified(monkeypatch):
    rows, target = THREE
    model = RandomForestClassifier(10, random_state=0).fit(rows, target)
    monkeypatch.setattr(thresholds, "MAX_NODES", 50)
    monkeypatch.setattr(
        "app.models.certification.probe_rows.edge_rows",
        lambda estimator, base, missing: thresholds.edge_rows(estimator, base, missing=missing, max_nodes=50),
    )
    for found in certificates(model, rows):
        assert found["certified"]
        assert found["splits"]["tried"] < found["splits"]["proven"] == found["splits"]["total"]
    refused(model, rows, lambda candidate: replace(candidate, proven=False), word="splits were tried")


def test_fewer_splits_of_many_trees_are_tried_where_they_are_proven(monkeypatch):
    """Every tree answers every row."""
    rows, target = THREE
    forest = RandomForestClassifier(30, random_state=0).fit(rows, target)
    monkeypatch.setattr(thresholds, "USUAL_TREES", 3)
    monkeypatch.setattr(thresholds, "LEAST_NODES", 20)
    _, tried, total = thresholds.edge_rows(forest, rows, missing=False, max_nodes=600)
    assert total > 600
    assert tried <= 60
    _, unproven, _ = thresholds.edge_rows(BaggingClassifier(forest, 1).fit(rows, target), rows, missing=False)
    assert unproven > 600


@pytest.mark.usefixtures("_boundary_is_found_exactly")
def test_rows_on_the_boundary_have_the_label_of_either_side():
    rows, target = TWO
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(rows, target)
    found = inspect_model(model, rows)
    predict = SklearnEngine(model, found.signature, found.output).predict
    *_, low, high = boundary_rows(predict, found.rows, found.signature, np.random.default_rng(0))
    assert len(low) > 10
    assert (predict(low).values != predict(high).values).all()
    np.testing.assert_allclose(low, high, rtol=1e-12, atol=1e-12)
    assert model.estimator_.predict_proba(low)[:, 1] == pytest.approx(0.3, abs=1e-9)


def test_engine_that_leaves_rows_is_compared_on_the_others_only():
    assert Comparison(rows=10, left=3).reason() is None
    assert "labels" in Comparison(rows=10, label_mismatches=1).reason()


def test_forests_of_two_classes_decide_ties_as_the_original_does():
    """Leaves of two thirds and one third: sums that are equal on paper differ in the last bit."""
    rows = np.random.default_rng(0).integers(0, 3, size=(600, 3)).astype(float)
    target = (np.random.default_rng(1).random(600) < 0.5).astype(int)
    model = RandomForestClassifier(6, max_depth=2, bootstrap=False, random_state=0).fit(rows, target)
    under_test, _ = analysed(model, rows)
    every = np.array(np.meshgrid(*[np.arange(-1, 4)] * 3)).reshape(3, -1).T.astype(float)
    found = list(candidates(under_test.last, under_test.output, width=3))
    assert [candidate.engine for candidate in found] == ["onnx", "numba"]
    for candidate in found:
        assert candidate.spec.tie is None
        kernel = certificate.load_kernel(candidate.engine, candidate.content, candidate.spec)
        outcome, left = CompiledEngine(under_test.preprocessor, kernel).attempt(every)
        assert left is None
        assert (outcome.values == model.predict(every)).all()
        assert (outcome.probabilities == model.predict_proba(every)).all()


@pytest.mark.usefixtures("_versions_are_tried")
def test_dtypes_that_are_lost_are_found_before_the_version_is_seen(store, monkeypatch):
    rows = np.random.default_rng(0).integers(0, 5, size=(200, 2))
    text = FunctionTransformer(own_code.as_text)
    encoded = make_pipeline(text, OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model = encoded.fit(rows, rows[:, 0] > 2)
    assert publish(store, model, sample=rows)

    def lost(found, *_):
        features = tuple(replace(feature, dtype="float64", whole=False) for feature in found.features)
        return replace(found, features=features)

    known = forms.input_signature
    monkeypatch.setattr(forms, "input_signature", lambda *a, **k: lost(known(*a, **k)))
    with pytest.raises(UnsupportedModel, match=r"row \d+ of the sample: .* is served, the model predicts"):
        publish(store, model, sample=rows)
    assert len(store.versions()) == 1


def test_columns_in_the_order_of_the_sample_are_refused_by_the_model_itself(store, monkeypatch):
    frame = pd.DataFrame({"a": [0.0, 1.0] * 20, "b": [5.0, 9.0] * 20})
    model = LogisticRegression().fit(frame, [0, 1] * 20)
    monkeypatch.setattr(sample, "_in_order_of", lambda model, frame: frame)
    with pytest.raises(UnsupportedModel, match="feature names should match"):
        publish(store, model, sample=frame[["b", "a"]])


def test_sums_that_cancel_out_to_nothing_but_rounding_are_left_to_the_model():
    rows, target = make_regression(300, 4, random_state=0)
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(rows, target)
    (found,) = certificates(model, rows)[:1]
    assert found["certified"], found["reason"]
    limits = found["kernel"]["limit"]
    assert limits == pytest.approx(np.abs(rows).max(axis=0) * 1e6)
