import pytest

from app import create_app
from app.startup import BOOT_ERROR, start
from config import ConfigError
from tests.conftest import configuration
from tests.estimators import SumClassifier, fitted
from tests.services import wait_until


def test_a_wrong_setting_ends_the_process_in_one_line(capsys):
    def build():
        raise ConfigError("PORT='abc'")

    with pytest.raises(SystemExit) as ended:
        start(build)
    assert ended.value.code == BOOT_ERROR
    assert capsys.readouterr().err == "Wrong configuration: PORT='abc'\n"


def test_without_a_model_the_app_starts_and_says_why(tmp_path, logged):
    app = start(lambda: create_app(configuration(tmp_path)))
    assert app.test_client().get("/api/health").status_code == 503
    assert "no model to serve" in {line["event"] for line in logged()}


def test_the_openapi_document_of_the_version_is_there_before_anybody_asks(serve, models_dir):
    serve(fitted(SumClassifier()))
    app = start(lambda: create_app(configuration(models_dir)))
    model = app.extensions["model_registry"].default.model
    wait_until(lambda: model in app.extensions["openapi"]._of_versions)
