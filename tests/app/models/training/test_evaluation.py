import numpy as np
import orjson

from app.models.training.evaluation import evidence


def test_confusion_matrix_has_a_row_for_each_actual_class():
    found = evidence("classification", ["b", "a", "b", "b"], ["b", "b", "b", "a"])
    assert found == {"confusion_matrix": {"labels": ["a", "b"], "counts": [[0, 1], [1, 2]]}}


def test_labels_are_json_whatever_they_are():
    for labels in (np.array([True, False]), np.array([1.0, 2.0]), np.array([7, 3])):
        found = evidence("classification", labels, labels[::-1])
        assert orjson.loads(orjson.dumps(found)) == found


def test_matrix_of_very_many_classes_is_left_out():
    assert evidence("classification", list(range(51)), list(range(51))) == {}


def test_regression_has_pairs_of_at_most_500_rows():
    actual = np.arange(1501.0)
    found = evidence("regression", actual, actual + 1)["residuals"]
    assert len(found["actual"]) == len(found["predicted"]) <= 500
    assert found["actual"][:2] == [0.0, 4.0]
    assert found["predicted"][:2] == [1.0, 5.0]
    few = evidence("regression", [3.0], [2.5])["residuals"]
    assert few == {"predicted": [2.5], "actual": [3.0]}
