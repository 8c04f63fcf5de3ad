"""What a model predicts is seen in its answers, whatever its tags say."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, OutlierMixin
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.mixture import GaussianMixture
from sklearn.svm import OneClassSVM

from app.exceptions import UnsupportedModel
from app.models.publishing.outputs import output_signature
from tests.estimators import BOXES, SumClassifier, fitted

ROWS = np.random.default_rng(0).normal(size=(60, 2))


class Answers(BaseEstimator):
    """Answers with what it was told to; ``classes_`` and probabilities if there are any."""

    def __init__(self, predicted, classes=None, probabilities=None):
        self.predicted = predicted
        if classes is not None:
            self.classes_ = classes
        if probabilities is not None:
            self.predict_proba = lambda rows: probabilities

    def predict(self, rows):
        return self.predicted


class Classifier(Answers, ClassifierMixin):
    """Its tags say nothing, because its bases stand in the wrong order."""


def of(model, rows=ROWS[:4]):
    return output_signature(model, rows)


def test_labels_with_classes_are_a_classification_whatever_the_tags_say():
    output = of(Answers(np.array([1, 0, 1, 1]), classes=np.array([0, 1])))
    assert (output.task, output.classes, output.probabilities) == ("classification", (0, 1), False)


def test_column_of_labels_is_one_label_per_row():
    output = of(Answers(np.array([["a"], ["b"], ["a"], ["a"]]), classes=np.array(["a", "b"])))
    assert output.classes == ("a", "b")


def test_numbers_are_a_regression_with_center_and_spread():
    output = of(Answers(np.array([1.0, 3.0, 1.0, 3.0])))
    assert (output.task, output.center, output.spread) == ("regression", (2.0,), (1.0,))


def test_several_numbers_have_a_center_each():
    output = of(Answers(np.array([[1.0, 10.0], [3.0, 10.0], [1.0, 10.0], [3.0, 10.0]])))
    assert (output.center, output.spread) == ((2.0, 10.0), (1.0, 0.0))


def test_clusters_are_whole_numbers():
    output = of(KMeans(3, random_state=0).fit(ROWS), ROWS)
    assert (output.task, output.classes, output.whole) == ("clustering", (), True)


def test_mixture_has_its_components_for_classes():
    output = of(GaussianMixture(2, random_state=0).fit(ROWS), ROWS)
    assert (output.task, output.classes, output.probabilities) == ("clustering", (0, 1), True)


@pytest.mark.parametrize(
    ("classes", "probabilities", "targets", "known"),
    [
        (
            [np.array(["a", "b"]), np.array([0, 1, 2])],
            [np.full((4, 2), 0.5), np.full((4, 3), 0.2)],
            None,
            True,
        ),
        (np.array([7, 8]), np.full((4, 2), 0.5), ((0, 1), (0, 1)), True),
        ([np.array([0, 1]), np.array([0, 1, 2])], np.full((4, 2), 0.5), None, False),
        ([np.array([0, 1]), np.array([0, 1])], None, None, False),
    ],
    ids=["one matrix each", "one column each", "a chain of more than two", "none"],
)
def test_several_labels_have_the_classes_of_each_target(classes, probabilities, targets, known):
    """Whether ``predict_proba`` says all of them depends on the class."""
    first = np.array([classes[0][0] if isinstance(classes, list) else 0] * 4, dtype=object)
    output = of(Answers(np.column_stack([first, np.zeros(4, dtype=int)]), classes, probabilities))
    wanted = targets or tuple(tuple(each.tolist()) for each in classes)
    assert (output.task, output.targets, output.classes) == ("classification", wanted, ())
    assert output.probabilities is known


def test_outlier_detector_has_a_score_in_proportion_to_its_spread():
    model = OneClassSVM().fit(ROWS)
    output = of(model, ROWS)
    assert (output.task, output.classes, output.scored) == ("outlier_detection", (-1, 1), True)
    assert output.spread == pytest.approx((model.decision_function(ROWS).std(),))


def test_numbers_among_objects_are_numbers():
    several = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8.5]], dtype=object)
    assert of(Answers(several)).spread == pytest.approx(tuple(several.astype(float).std(axis=0)))


class Detector(OutlierMixin, BaseEstimator):
    """Says what it was told to of every row, and that it detects outliers."""

    def __init__(self, says):
        self.says = says

    def predict(self, rows):
        return np.resize(self.says, len(rows))


def test_detector_without_a_score_says_one_and_minus_one_alone():
    output = of(Detector([-1, 1]))
    assert (output.task, output.classes, output.scored) == ("outlier_detection", (-1, 1), False)
    with pytest.raises(UnsupportedModel, match="predicts 0, which is not among its classes: -1, 1"):
        of(Detector([0, 1]))


def test_transformer_is_known_by_having_no_predict():
    output = of(PCA(2).fit(ROWS), ROWS)
    assert (output.task, len(output.center)) == ("transformation", 2)


def test_empty_classes_are_none():
    assert of(Answers(np.array([1.0, 3.0, 1.0, 3.0]), classes=[])).task == "regression"


def test_probabilities_that_raise_are_none():
    def refuse(rows):
        raise NotImplementedError

    model = Answers(np.array([0, 1, 0, 1]), classes=np.array([0, 1]))
    model.predict_proba = refuse
    assert not of(model).probabilities


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Classifier(np.array([0, 1, 0, 1])), r"has no classes_: set self.classes_ = np.unique\(y\) in fit"),
        (Answers(np.array(["a", "b", "a", "b"])), "has no classes_"),
        (Answers(np.array([0, 7, 0, 1]), classes=np.array([0, 1])), "predicts 7, which is not among"),
        (Answers(np.array([b"a"] * 4), classes=np.array([b"a", b"b"])), "classes are bytes: fit it to text"),
        (Answers(np.full((4, 2), 5), classes=np.array([0, 1])), "several labels a row, neither 0 or 1"),
        (Answers(np.full((4, 2), 5), classes=[np.array([0, 1])] * 2), "predicts 5, which is not among"),
        (Answers(np.full((4, 2), 5), classes=[np.array([0, 5]), np.array([None])]), "missing value"),
        (Answers(np.zeros(3)), r"shape \(3,\) for 4 rows"),
        (Answers(np.full(4, np.nan)), "no finite number for any row"),
        (Answers(np.array([0, 1, 0, 1]), np.array([0, 1]), np.zeros(4)), "one column per class"),
        (Answers(np.array([0, 1, 0, 1]), np.array([0, 1]), np.full((4, 2), -3.0)), "-3, which is"),
        (Answers(np.array([0, 1, 0, 1]), np.array([0.0, np.nan])), "missing value"),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_served_are_refused_in_a_sentence(model, reason):
    with pytest.raises(UnsupportedModel, match=reason):
        of(model)


def test_what_scikit_learn_knows_stays_what_it_is():
    assert of(LinearRegression().fit(ROWS, ROWS[:, 0]), ROWS).task == "regression"
    assert of(fitted(SumClassifier()), BOXES.to_numpy()).classes == (0, 1)
