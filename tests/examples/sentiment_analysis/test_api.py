import math

import pytest

from app.middleware.route_table import ROUTE_TABLE
from app.models.ml_models import model_manager
from config import ConfigError
from examples.sentiment_analysis.settings import DEFAULT_STORE, load_settings, max_text_length
from tests.assertions import assert_error, assert_one_error, strict_json

GOOD, BAD, PLAIN = "I love it, excellent!", "Awful and boring, I hate it.", "The office is open on Monday."
CLASSES = {"negative", "neutral", "positive"}
KEY = "s3cret-of-the-sentiment-tests"


def analyze(client, body, **options):
    return client.post("/analyze", json=body, **options)


def analyze_batch(client, body, **options):
    return client.post("/analyze/batch", json=body, **options)


@pytest.mark.parametrize(("text", "expected"), [(GOOD, "positive"), (BAD, "negative"), (PLAIN, "neutral")])
def test_a_text_is_answered_with_its_sentiment(sentiment, text, expected):
    document = strict_json(analyze(sentiment, {"text": text}))
    assert set(document) == {"success", "result", "model_version", "request_id", "timestamp"}
    assert (document["success"], document["model_version"]) == (True, "bundled")
    result = document["result"]
    assert set(result) == {"text", "sentiment", "confidence", "probabilities"}
    assert (result["text"], result["sentiment"]) == (text, expected)
    assert set(result["probabilities"]) == CLASSES
    assert sum(result["probabilities"].values()) == pytest.approx(1)
    assert result["confidence"] == max(result["probabilities"].values())


def test_texts_are_answered_in_order(sentiment):
    document = strict_json(analyze_batch(sentiment, {"texts": [BAD, GOOD, PLAIN], "request_id": "b-1"}))
    assert [result["id"] for result in document["results"]] == [0, 1, 2]
    assert [result["text"] for result in document["results"]] == [BAD, GOOD, PLAIN]
    assert [result["sentiment"] for result in document["results"]] == ["negative", "positive", "neutral"]
    assert (document["count"], document["request_id"]) == (3, "b-1")


def test_a_text_alone_is_answered_as_in_a_batch(sentiment):
    (alone,) = strict_json(analyze_batch(sentiment, {"texts": [GOOD]}))["results"]
    together = strict_json(analyze_batch(sentiment, {"texts": [GOOD] * 100}))["results"][99]
    single = strict_json(analyze(sentiment, {"text": GOOD}))["result"]
    for other in (alone, together):
        assert other["probabilities"] == pytest.approx(single["probabilities"], abs=1e-12)


@pytest.mark.parametrize(
    "text", ["😀 superb", "x\x00y", "http://a.example #b @c", "!!!", "naïve ß İ", "日本語"]
)
def test_unusual_text_is_answered(sentiment, text):
    assert analyze(sentiment, {"text": text, "explain": True}).get_json()["result"]["text"] == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Must not be blank."),
        (" \t\n\u3000", "Must not be blank."),
        (5, "Must be a string."),
        (True, "Must be a string."),
        (["good"], "Must be a string."),
        ({"text": "good"}, "Must be a string."),
        ("x" * 5001, "Must have at most 5000 characters, not 5001."),
    ],
)
def test_what_is_no_text_is_refused(sentiment, text, reason):
    assert_one_error(analyze(sentiment, {"text": text}), field="text", reason=reason)
    body = {"texts": [GOOD, text]}
    assert_one_error(analyze_batch(sentiment, body), field="texts", row=1, reason=reason)


def test_null_is_no_text(sentiment):
    assert_one_error(analyze(sentiment, {"text": None}), field="text", reason="Field may not be null.")
    body = {"texts": [None]}
    assert_one_error(analyze_batch(sentiment, body), field="texts", row=0, reason="Must be a string.")


def test_the_longest_text_is_answered(sentiment):
    assert analyze(sentiment, {"text": "x" * 5000}).status_code == 200


def test_the_length_of_a_text_is_a_setting(build_sentiment):
    client = build_sentiment(MAX_TEXT_LENGTH=10).test_client()
    assert analyze(client, {"text": "0123456789"}).status_code == 200
    assert_one_error(
        analyze(client, {"text": "0123456789."}),
        field="text",
        reason="Must have at most 10 characters, not 11.",
    )


@pytest.mark.parametrize("value", ["0", "many", ""])
def test_a_wrong_length_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("MAX_TEXT_LENGTH", value)
    with pytest.raises(ConfigError, match="MAX_TEXT_LENGTH"):
        max_text_length()


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([], "Must hold 1 to 100 texts, not 0."),
        ([GOOD] * 101, "Must hold 1 to 100 texts, not 101."),
        (GOOD, "Must be a list of strings."),
        (None, "Field may not be null."),
    ],
)
def test_what_is_no_list_of_texts_is_refused(sentiment, texts, reason):
    (error,) = assert_error(analyze_batch(sentiment, {"texts": texts}), 400, "validation_error")
    assert error["field"] == "texts"
    assert texts is None or error["reason"] == reason


def test_every_wrong_text_of_a_batch_is_named(sentiment):
    errors = assert_error(analyze_batch(sentiment, {"texts": ["", GOOD, 7]}), 400, "validation_error")
    assert [error["row"] for error in errors] == [0, 2]


@pytest.mark.parametrize("path", ["/analyze", "/analyze/batch"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"other": 1}',
        b'{"text": "\\ud800"}',
        b'{"texts": ["\\udfff"]}',
        b'{"text": "\xff"}',
    ],
)
def test_a_body_that_does_not_fit_is_refused(sentiment, path, body):
    assert_error(sentiment.post(path, data=body, content_type="application/json"), 400, "validation_error")


def test_a_body_of_another_type_is_refused(sentiment):
    assert_error(sentiment.post("/analyze", data=b"hello"), 415, "unsupported_media_type")


@pytest.mark.parametrize("flag", [1, 0, "true", None])
def test_explain_is_true_or_false(sentiment, flag):
    errors = assert_error(analyze(sentiment, {"text": GOOD, "explain": flag}), 400, "validation_error")
    assert [error["field"] for error in errors] == ["explain"]


def test_the_routes_of_the_service_are_there_too(sentiment):
    row = {"features": {"text": GOOD}}
    assert sentiment.post("/api/predict", json=row).get_json()["result"]["prediction"] == "positive"
    assert sentiment.get("/api/model/info").get_json()["model_type"] == "LogisticRegression"


def test_health_says_which_version_answers(sentiment):
    document = strict_json(sentiment.get("/health"))
    assert (document["status"], document["model_version"]) == ("healthy", "bundled")


def test_without_a_model_health_and_answers_are_503(tmp_path):
    from examples.sentiment_analysis.routes import build
    from tests.conftest import configuration

    client = build(configuration(tmp_path)).test_client()
    assert client.get("/health").status_code == 503
    assert_error(analyze(client, {"text": GOOD}), 503, "model_error")


def test_keys_are_asked_for_but_not_by_probes(build_sentiment):
    client = build_sentiment(API_KEY_1=KEY).test_client()
    assert_error(analyze(client, {"text": GOOD}), 401, "authentication_error")
    assert analyze(client, {"text": GOOD}, headers={"X-API-Key": KEY}).status_code == 200
    assert client.get("/health").status_code == 200


def test_limits_hold_for_texts_too(build_sentiment):
    client = build_sentiment(RATE_LIMIT="2/minute", WORKERS=1).test_client()
    assert [analyze(client, {"text": GOOD}).status_code for _ in range(3)] == [200, 200, 429]


def test_every_route_stands_in_the_table(sentiment):
    app = sentiment.application
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(app.extensions[ROUTE_TABLE].scopes)


def test_the_store_is_a_folder_of_its_own(monkeypatch, tmp_path):
    assert load_settings().MODELS_DIR == DEFAULT_STORE / "sentiment"
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    assert tmp_path == load_settings().MODELS_DIR


# --- explanations


def explained(client, text):
    return strict_json(analyze(client, {"text": text, "explain": True}))["result"]


@pytest.mark.parametrize("text", [GOOD, BAD, PLAIN, "!!!", "It was not good, not at all. Not good!"])
def test_contributions_and_intercept_sum_up_to_the_decision_function(sentiment, text, reference):
    found = explained(sentiment, text)["explanation"]
    (expected,) = reference.decision_function([text])
    for label, decision in zip(reference.classes_, expected, strict=True):
        added = math.fsum(term["contributions"][label] for term in found["terms"])
        assert found["intercept"][label] + added == pytest.approx(decision, abs=1e-12)
        assert found["decision"][label] == pytest.approx(decision, abs=1e-12)


def test_probabilities_follow_from_the_decision(sentiment):
    result = explained(sentiment, BAD)
    odds = {label: math.exp(value) for label, value in result["explanation"]["decision"].items()}
    expected = {label: value / sum(odds.values()) for label, value in odds.items()}
    assert result["probabilities"] == pytest.approx(expected, abs=1e-5)


def test_the_term_that_moved_most_comes_first(sentiment):
    terms = explained(sentiment, BAD)["explanation"]["terms"]
    sizes = [max(map(abs, term["contributions"].values())) for term in terms]
    assert sizes == sorted(sizes, reverse=True)
    assert {"awful", "hate"} <= {term["term"] for term in terms}


def test_each_text_of_a_batch_is_explained(sentiment):
    answer = analyze_batch(sentiment, {"texts": [GOOD, BAD], "explain": True}).get_json()
    assert [result["explanation"] for result in answer["results"]] == [
        explained(sentiment, GOOD)["explanation"],
        explained(sentiment, BAD)["explanation"],
    ]


def test_without_being_asked_nothing_is_explained(sentiment):
    assert "explanation" not in analyze(sentiment, {"text": GOOD, "explain": False}).get_json()["result"]


def test_a_version_without_explanations_says_so(models_dir, reference):
    from examples.sentiment_analysis.routes import build
    from tests.conftest import configuration

    app = build(configuration(models_dir))
    with app.app_context():
        model_manager.save_model(reference, sample=[GOOD, BAD, PLAIN] * 5)
        model_manager.load_model()
    client = app.test_client()
    assert analyze(client, {"text": GOOD}).status_code == 200
    assert_error(analyze(client, {"text": GOOD, "explain": True}), 503, "model_error")
