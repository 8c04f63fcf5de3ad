"""Certification says what is under way, and how much of the rows is compared."""

from sklearn.ensemble import RandomForestClassifier

from app.models.certification.certify import certify
from app.models.certification.progress import counter
from app.models.publishing.inspection import inspect_model
from tests.estimators import BOXES


def test_each_hundredth_is_reported_once():
    said = []
    advance = counter(lambda step, share=None: said.append((step, share)), "Comparing", 1000)
    for _ in range(1000):
        advance(1)
    assert len(said) == 100
    assert said[0] == ("Comparing", 0.01)
    assert said[-1] == ("Comparing", 1.0)


def test_rows_compared_are_counted_to_the_last():
    model = RandomForestClassifier(3, random_state=0).fit(BOXES, [0, 1] * 10)
    found, said = inspect_model(model, BOXES), []
    certify(
        model,
        found.signature,
        found.output,
        found.rows,
        report=lambda step, share=None: said.append((step, share)),
    )
    steps = [step for step, share in said if share is None]
    assert steps == ["scikit-learn", "onnx trees", "numba trees"]
    for engine in ("onnx", "numba"):
        shares = [share for step, share in said if step == f"{engine} compared"]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
