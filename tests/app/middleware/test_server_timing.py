import re

from tests.estimators import SumClassifier, fitted


def test_the_header_says_where_a_predictions_time_went(serve):
    client = serve(fitted(SumClassifier()), SERVER_TIMING=True)
    header = client.post("/api/predict", json={"features": [1, 2, 3]}).headers["Server-Timing"]
    number = r"\d+\.\d{3}"
    assert re.fullmatch(f"decode;dur={number}, model;dur={number}, encode;dur={number}", header)
    assert "Server-Timing" not in client.get("/api/health").headers


def test_without_the_setting_there_is_no_header(client):
    assert "Server-Timing" not in client.post("/api/predict", json={"features": [1, 2, 3]}).headers
