"""What a loaded version keeps in memory."""

from sklearn.linear_model import LogisticRegression

from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from tests.estimators import BOXES


def test_of_the_files_only_the_pickle_is_kept(store):
    model = LogisticRegression().fit(BOXES, [0, 1] * 10)
    version = load(store, publish(store, model, sample=BOXES), LoadingOptions(engine="onnx"))
    kept = version.engine._load_reference.args[0].files
    assert kept.keys() == {"model.pkl"}
