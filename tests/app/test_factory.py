import numpy as np
import pytest

from app import create_app
from app.models.ml_models import model_manager
from config import ConfigError
from tests.conftest import serve_model
from tests.estimators import BOXES, SumRegressor, fitted


def test_two_apps_in_one_process_keep_to_themselves(tmp_path):
    plain = serve_model(tmp_path / "plain", fitted(SumRegressor()), OUTLIER_POLICY="off")
    double = serve_model(
        tmp_path / "double", fitted(SumRegressor(factor=2.0)), sample=BOXES, OUTLIER_POLICY="reject"
    )
    body = {"features": [1, 2, 3]}
    assert plain.post("/api/predict", json=body).get_json()["result"] == {"prediction": 6.0}
    assert double.post("/api/predict", json=body).get_json()["result"] == {"prediction": 12.0}
    far = {"features": [1, 2, 300]}
    assert plain.post("/api/predict", json=far).status_code == 200
    assert double.post("/api/predict", json=far).status_code == 400


def test_an_app_without_a_model_is_not_served_by_that_of_another(tmp_path, build_app):
    other = build_app()
    loaded = serve_model(tmp_path / "other", fitted(SumRegressor()))
    assert other.test_client().get("/api/health").status_code == 503
    assert loaded.get("/api/health").status_code == 200


def test_the_manager_answers_for_the_app_of_the_running_request(tmp_path, build_app):
    first = serve_model(tmp_path / "first", fitted(SumRegressor())).application
    build_app()
    assert not model_manager.model_loaded
    with first.app_context():
        assert model_manager.predict(np.array([1.0, 2.0, 3.0])) == {"prediction": 6.0}


def test_the_environment_may_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    app = create_app("production")
    assert (app.config["ENVIRONMENT"], app.debug, app.testing) == ("production", False, False)


def test_without_a_name_the_environment_is_that_of_app_env(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("APP_ENV", "testing")
    assert create_app().config["ENVIRONMENT"] == "testing"


def test_a_wrong_setting_stops_the_start(monkeypatch):
    monkeypatch.setenv("MAX_BATCH_SIZE", "many")
    with pytest.raises(ConfigError, match="MAX_BATCH_SIZE='many'"):
        create_app()


def test_the_debugger_is_on_in_development_only(build_app):
    assert [build_app(name).debug for name in ("development", "testing", "production")] == [
        True,
        False,
        False,
    ]
