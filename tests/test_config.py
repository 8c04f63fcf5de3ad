import os

import pytest

from config import CONFIGS, ConfigError, load_config

WRONG = [
    ("PORT", "abc"),
    ("PORT", ""),
    ("PORT", "0"),
    ("PORT", "70000"),
    ("WORKERS", "0"),
    ("WORKERS", "1.5"),
    ("DEBUG", "maybe"),
    ("MAX_CONTENT_LENGTH", "10MB"),
    ("MAX_CONTENT_LENGTH", "-1"),
    ("MAX_BATCH_SIZE", "0"),
    ("OUTLIER_POLICY", "ignore"),
    ("OUTLIER_TOLERANCE", "-0.1"),
    ("OUTLIER_TOLERANCE", "nan"),
    ("OUTLIER_TOLERANCE", "inf"),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_LEVEL", "info"),
    ("API_KEY_SCOPES", ""),
    ("MODELS_DIR", "~nobody-of-this-name/models"),
    ("LOG_FILE", "~nobody-of-this-name/log"),
    ("MODELS_DIR", "/dev/null/models"),
    ("MODELS_DIR", "m" * 5_000),
    *(("SCRIPT_NAME", wrong) for wrong in ("ml", "/", "/ml/", "//ml", "/ml/../x", "/./ml", "/ml?x", "/m%6c")),
    *(
        ("CORS_ORIGINS", f"http://{wrong}:3000")
        for wrong in ("[::1", "[::1]]", "[0::1]", "[1.2.3.4]", "[g::]")
    ),
]


@pytest.mark.parametrize("environment", CONFIGS)
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_value_is_an_error_that_names_the_variable_and_the_value(monkeypatch, environment, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        load_config(environment)
    assert f"{name}={value!r}: " in str(refused.value)


def test_error_says_what_was_expected(monkeypatch):
    monkeypatch.setenv("OUTLIER_POLICY", "ignore")
    with pytest.raises(ConfigError, match="off, flag, clamp, reject"):
        load_config()


def test_all_wrong_values_are_named_at_once(monkeypatch):
    monkeypatch.setenv("PORT", "abc")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(ConfigError, match=r"(?s)PORT='abc'.*LOG_LEVEL='LOUD'"):
        load_config()


def test_production_refuses_debug(monkeypatch):
    monkeypatch.setenv("DEBUG", "true")
    with pytest.raises(ConfigError, match="DEBUG=true: must be off"):
        load_config("production")


@pytest.mark.parametrize("environment", ["development", "testing"])
def test_other_environments_allow_debug(monkeypatch, environment):
    monkeypatch.setenv("DEBUG", "true")
    assert load_config(environment).DEBUG is True


def test_unknown_environment_is_named(monkeypatch):
    monkeypatch.setenv("APP_ENV", "staging")
    with pytest.raises(
        ConfigError, match="APP_ENV='staging': must be one of development, testing, production"
    ):
        load_config()


@pytest.mark.parametrize(
    ("environment", "debug"), [("development", True), ("testing", False), ("production", False)]
)
def test_app_env_chooses_the_defaults(monkeypatch, environment, debug):
    monkeypatch.setenv("APP_ENV", environment)
    monkeypatch.setenv("AUTH_DISABLED", "true")
    config = load_config()
    assert (environment, debug) == (config.ENVIRONMENT, config.DEBUG)


@pytest.mark.parametrize(("environment", "seconds"), [("development", 0), ("testing", 0), ("production", 5)])
def test_only_production_drains_before_it_stops(monkeypatch, environment, seconds):
    monkeypatch.setenv("AUTH_DISABLED", "true")
    assert seconds == load_config(environment).DRAIN_SECONDS


def test_without_app_env_it_is_development():
    assert load_config().ENVIRONMENT == "development"


def test_values_are_read_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PORT", "8080")
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("OUTLIER_TOLERANCE", "2.5")
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example,https://b.example")
    config = load_config()
    assert (8080, tmp_path, 2.5) == (config.PORT, config.MODELS_DIR, config.OUTLIER_TOLERANCE)
    assert config.CORS_ORIGINS == ["https://a.example", "https://b.example"]


def test_each_configuration_reads_the_environment_anew(monkeypatch):
    monkeypatch.setenv("PORT", "8080")
    first = load_config()
    monkeypatch.setenv("PORT", "8081")
    assert (first.PORT, load_config().PORT) == (8080, 8081)


@pytest.fixture
def env_file(monkeypatch, tmp_path):
    """A project root with a ``.env`` that holds what the test says; what it sets is taken back."""
    monkeypatch.setattr("config.ROOT", tmp_path)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED")
    before = dict(os.environ)
    yield (tmp_path / ".env").write_text
    os.environ.clear()
    os.environ.update(before)


def test_what_the_environment_leaves_open_is_read_from_env_file(monkeypatch, env_file):
    env_file("PORT=8080\nWORKERS=3\nAPI_KEY_1=correct-horse-battery-staple\n")
    monkeypatch.setenv("PORT", "8081")
    config = load_config("production")
    assert (config.PORT, config.WORKERS) == (8081, 3)
    assert config.API_KEYS == {"API_KEY_1": "correct-horse-battery-staple"}


def test_env_file_may_choose_the_environment(env_file):
    env_file("APP_ENV=production\nAUTH_DISABLED=true\n")
    assert load_config().ENVIRONMENT == "production"


def test_wrong_value_in_env_file_is_named(env_file):
    env_file("PORT=abc\n")
    with pytest.raises(ConfigError, match="PORT='abc'"):
        load_config()


@pytest.mark.parametrize("argument", ["testing", None])
def test_tests_do_not_read_env_file(monkeypatch, env_file, argument):
    env_file("PORT=8080\n")
    if argument is None:
        monkeypatch.setenv("APP_ENV", "testing")
    assert load_config(argument).PORT == 5000


def test_a_value_may_be_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "port").write_text("8080\n")
    monkeypatch.setenv("PORT_FILE", str(tmp_path / "port"))
    assert load_config().PORT == 8080


def test_wrong_value_in_a_file_is_named(monkeypatch, tmp_path):
    (tmp_path / "port").write_text("abc")
    monkeypatch.setenv("PORT_FILE", str(tmp_path / "port"))
    with pytest.raises(ConfigError, match="PORT"):
        load_config()


def test_file_that_cannot_be_read_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PORT_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="PORT_FILE"):
        load_config()


@pytest.mark.parametrize("name", ["LOG_FILE", "PROMETHEUS_MULTIPROC_DIR", "API_KEYS_FILE"])
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_path_is_none(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert getattr(load_config("testing"), name) is None
