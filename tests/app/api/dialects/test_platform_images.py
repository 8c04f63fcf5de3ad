"""Where the images of other platforms answer otherwise; docs/dialects.md has a paragraph about it."""

import io
import json

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

URL = "/invocations"
# 0.1, and the 32-bit float next to it, which is larger.
ROUNDED = float(np.float32(0.1))
SAMPLE = np.array([[0.1], [ROUNDED]] * 20)


@pytest.fixture(scope="module")
def tree():
    """A tree of one threshold, halfway between a number and its 32-bit float."""
    model = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=1, learning_rate=1.0)
    return model.fit(SAMPLE, ["exact", "rounded"] * 20)


@pytest.fixture(scope="module")
def client(tmp_path_factory, serve_model, tree):
    return serve_model(tmp_path_factory.mktemp("models"), tree, sample=SAMPLE)


def in_the_image_of_aws(model, row, *, cast):
    """What `default_input_fn` and `default_predict_fn` make of a row in CSV or JSON (``cast``), or in npy.

    https://github.com/aws/sagemaker-scikit-learn-container/blob/master/src/sagemaker_sklearn_container/handler_service.py
    """
    array = np.array([row])
    return model.predict(array.astype(np.float32) if cast else array)[0]


def test_the_image_of_aws_rounds_text_to_float32_and_the_service_does_not(client, tree):
    assert in_the_image_of_aws(tree, [0.1], cast=True) == "rounded"
    assert in_the_image_of_aws(tree, [0.1], cast=False) == "exact"
    assert client.post(URL, data="0.1\n", content_type="text/csv").text == "exact\n"
    assert client.post(URL, json=[[0.1]]).get_json() == ["exact"]


def test_a_client_that_rounds_by_itself_has_the_answer_of_the_image(client):
    assert client.post(URL, json=[[ROUNDED]]).get_json() == ["rounded"]
    content = io.BytesIO()
    np.save(content, np.array([[0.1]], dtype=np.float32))
    response = client.post(
        URL, data=content.getvalue(), content_type="application/x-npy", headers={"Accept": "application/json"}
    )
    assert json.loads(response.data) == ["rounded"]
