"""The body decides where a request goes, unless the log says so."""

import pytest

from app.cli.replay.reading.exchange import Exchange, NotReplayable
from app.cli.replay.request_paths import path_for

TENSOR = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}


@pytest.mark.parametrize(
    ("body", "v1", "default", "named"),
    [
        ({"dataframe_split": {}}, False, "/invocations", "/models/boxes/invoke"),
        ({"dataframe_records": []}, False, "/invocations", "/models/boxes/invoke"),
        ({"instances": [[1]]}, False, "/invocations", "/v1/models/boxes:predict"),
        ({"inputs": [[1]]}, False, "/invocations", "/v1/models/boxes:predict"),
        ({"inputs": {"height": [1]}}, False, "/invocations", "/v1/models/boxes:predict"),
        ({"instances": [[1]]}, True, "/v1/models/default:predict", "/v1/models/boxes:predict"),
        ({"inputs": [TENSOR]}, True, "/v2/models/default/infer", "/v2/models/boxes/infer"),
        ({"features": [1]}, False, "/api/predict", "/api/models/boxes/predict"),
        ({"samples": [[1]]}, False, "/api/predict/batch", "/api/models/boxes/predict/batch"),
    ],
)
def test_path_of_a_body(body, v1, default, named):
    exchange = Exchange(1, body, None, v1=v1)
    assert path_for(exchange, model="default", renamed=False) == default
    assert path_for(exchange, model="boxes", renamed=True) == named


@pytest.mark.parametrize("body", [[[1, 2]], {"text": "a"}, {}])
def test_body_without_a_route_says_so(body):
    with pytest.raises(NotReplayable, match="without a path"):
        path_for(Exchange(1, body, None), model="default", renamed=False)


@pytest.mark.parametrize(
    ("path", "kept", "renamed"),
    [
        ("/invocations", "/invocations", "/invocations"),
        ("http://old:8080/v1/models/iris:predict", "/v1/models/iris:predict", "/v1/models/boxes:predict"),
        ("/v2/models/iris/versions/3/infer", "/v2/models/iris/versions/3/infer", "/v2/models/boxes/infer"),
        (
            "/v1/models/iris/labels/stable:predict",
            "/v1/models/iris/labels/stable:predict",
            "/v1/models/boxes:predict",
        ),
        (
            "/api/models/a/predict/batch?errors=rows",
            "/api/models/a/predict/batch?errors=rows",
            "/api/models/boxes/predict/batch?errors=rows",
        ),
        ("/models/a/invoke", "/models/a/invoke", "/models/boxes/invoke"),
        ("score", "/score", "/score"),
        ("/a b\n?c=d e", "/a%20b?c=d%20e", "/a%20b?c=d%20e"),
    ],
)
def test_path_of_the_log_wins_and_the_model_in_it_may_be_renamed(path, kept, renamed):
    exchange = Exchange(1, {"instances": [[1]]}, None, path=path)
    assert path_for(exchange, model="default", renamed=False) == kept
    assert path_for(exchange, model="boxes", renamed=True) == renamed


def test_path_that_is_malformed_says_so():
    with pytest.raises(NotReplayable, match="with a path that is none"):
        path_for(Exchange(1, {"instances": [[1]]}, None, path="http://[old/score"), model="a", renamed=False)
