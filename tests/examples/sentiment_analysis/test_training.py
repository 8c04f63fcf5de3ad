import json
import pickle
import subprocess
import sys

import pandas as pd
import pytest

from app.models.loading.loader import LoadingOptions, load
from app.models.repository.store import ModelStore
from app.models.training.datasets import DataError
from examples.sentiment_analysis import dataset, pipeline
from examples.sentiment_analysis.text_cleaner import TextCleaner
from tests.examples.sentiment_analysis.conftest import run_sentiment_training
from tests.settings import ROOT

BUNDLED = dataset.read(dataset.BUNDLED, text="text", label="label")


def clean(*texts, **options):
    return TextCleaner(**options).transform(texts).tolist()


def test_cleaning_removes_what_says_nothing():
    text = "  See https://a.example/x?y=1 and www.b.example, @you: GREAT_day #sun!!  "
    assert clean(text, stems=False, negations=False) == ["see and great day"]


@pytest.mark.parametrize("text", ["It isn't good.", "it isn’t  GOOD", "It is not a good"])
def test_a_negated_word_is_a_term_of_its_own(text):
    assert clean(text)[0].endswith("not good not_good")


def test_words_with_other_endings_count_as_one():
    assert clean("bores bored boring") == ["bor bor bor"]
    assert clean("his bed is used") == ["his bed is used"]


def test_cleaning_a_long_text_takes_no_longer_than_its_length():
    texts = ["a" * 50_000, "not " * 12_000, "s" * 50_000, "@" * 50_000, "http" * 12_000]
    program = "import json, sys; from examples.sentiment_analysis.text_cleaner import TextCleaner as T\n"
    program += "T().transform(json.load(sys.stdin))"
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=json.dumps(texts), text=True, check=True, timeout=60
    )


def test_the_cleaner_survives_pickling():
    restored = pickle.loads(pickle.dumps(TextCleaner(stems=False)))
    assert restored.get_params() == {"stems": False, "negations": True}


def test_bundled_sentences_are_of_three_classes_and_none_stands_there_twice():
    assert BUNDLED.label.value_counts().to_dict() == {"negative": 100, "neutral": 100, "positive": 100}
    assert len(dataset.without_duplicates(BUNDLED)) == len(BUNDLED)


def test_no_sentence_is_in_both_parts():
    repeated = pd.concat([BUNDLED] * 20 + [BUNDLED.assign(text=BUNDLED.text.str.upper() + "!!")])
    parts = dataset.split(dataset.without_duplicates(repeated))
    assert not set(clean(*parts.train_texts)) & set(clean(*parts.test_texts))
    assert len(parts.train_texts) + len(parts.test_texts) == len(BUNDLED)


def test_both_parts_have_the_same_shares_of_classes():
    parts = dataset.split(BUNDLED)
    assert {parts.train_labels.count(label) for label in set(parts.train_labels)} == {80}
    assert {parts.test_labels.count(label) for label in set(parts.test_labels)} == {20}


def test_rare_classes_weigh_more():
    assert pipeline.class_weights(["a"] * 9 + ["b"]) == {"a": 1.0, "b": 3.0}


def test_training_prints_a_report_and_saves_an_active_version(sentiment_training):
    root, output = sentiment_training
    for word in ("300 sentences", "precision", "recall", "macro avg", "accuracy: ", "Serves on: onnx"):
        assert word in output
    store = ModelStore(root)
    assert store.active() == "bundled"
    assert store.metadata("bundled")["metrics"]["accuracy"] > 0.6


def test_the_confusion_matrix_is_a_picture(sentiment_dir):
    content = (sentiment_dir / "model_bundled" / "confusion_matrix.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n")


def test_the_version_serves_on_a_certified_engine(sentiment_dir):
    metadata = ModelStore(sentiment_dir).metadata("bundled")
    assert metadata["engine"] == "onnx"
    assert metadata["certificates"]["onnx"]["label_mismatches"] == 0


def test_serving_and_explaining_need_neither_scikit_learn_nor_pickle(sentiment_dir):
    program = (
        "import sys\nfrom examples.sentiment_analysis.routes import build\n"
        "from app.models.ml_models import model_manager\n"
        "app = build()\nmodel_manager.load_model()\n"
        "answer = app.test_client().post('/analyze', json={'text': 'I love it', 'explain': True})\n"
        "print(answer.status_code, 'sklearn' in sys.modules, 'joblib' in sys.modules)"
    )
    environment = {"MODELS_DIR": str(sentiment_dir), "APP_ENV": "testing", "LOG_LEVEL": "ERROR"}
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["200", "False", "False"]


def test_own_columns_and_two_classes(tmp_path):
    table = BUNDLED[BUNDLED.label != "neutral"].rename(columns={"text": "review", "label": "stars"})
    table.assign(stars=table.stars.map({"negative": 1, "positive": 5})).to_csv(
        tmp_path / "r.csv", index=False
    )
    arguments = ("--data", str(tmp_path / "r.csv"), "--text", "review", "--label", "stars", "--version", "v1")
    result = run_sentiment_training(tmp_path / "models", *arguments)
    assert result.exit_code == 0, result.output
    model = load(ModelStore(tmp_path / "models"), "v1", LoadingOptions())
    assert model.output.classes == ("1", "5")
    explanation = json.loads((tmp_path / "models" / "model_v1" / "explanation.json").read_bytes())
    assert explanation["outcomes"] == ["5"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("text,stars\ngood,5\n", "no column 'label'"),
        ("text,label\ngood,a\nbad,a\n", "at least two classes"),
        ("text,label\ngood,a\nbad,b\n", "cannot be split"),
        ("", "cannot be read"),
    ],
)
def test_data_that_cannot_be_used_is_one_line_with_status_2(tmp_path, content, reason):
    (tmp_path / "x.csv").write_text(content)
    result = run_sentiment_training(tmp_path / "models", "--data", str(tmp_path / "x.csv"))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert reason in result.stderr
    assert not (tmp_path / "models").exists()


def test_rows_without_text_or_label_are_left_out(tmp_path):
    (tmp_path / "x.csv").write_text('text,label\ngood,a\n"  ",a\nbad,\n')
    assert len(dataset.read(tmp_path / "x.csv", text="text", label="label")) == 1


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv"):
        dataset.read(tmp_path / "none.csv", text="text", label="label")


def test_real_sentences_are_told_better_than_by_the_tutorial(shared_data):
    from app.models.training.evaluation import metrics
    from examples.sentiment_analysis.compare import baselines

    table = dataset.read(shared_data / "sentiment.csv", text="text", label="label")
    parts = dataset.split(dataset.without_duplicates(table))
    found = []
    for _, model in baselines(parts.train_labels):
        predicted = model.fit(parts.train_texts, parts.train_labels).predict(parts.test_texts)
        found.append(metrics("classification", parts.test_labels, predicted))
    majority, tutorial, own = found
    assert majority["accuracy"] < tutorial["accuracy"] < own["accuracy"]
    assert own["accuracy"] > 0.72
    assert own["f1_macro"] > tutorial["f1_macro"] + 0.05
