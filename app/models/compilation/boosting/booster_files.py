"""Boosters of XGBoost, LightGBM and CatBoost, bare or in files of their own, as estimators."""

from pathlib import Path
from typing import Any

from app.exceptions import UnsupportedModel
from app.models.compilation.boosting.lightgbm_booster import LightGBMBooster
from app.models.compilation.compilers import one_line

# Files that hold a booster and no code.
SUFFIXES = {".json": "xgboost", ".ubj": "xgboost", ".txt": "lightgbm", ".cbm": "catboost"}
# The same as MLflow names them.
SUFFIXES |= {".xgb": "xgboost", ".lgb": "lightgbm", ".cb": "catboost"}
INSTALL = "pip install -r requirements-boosting.txt"


def read_booster(path: Path) -> Any:
    """The estimator in a booster's file: ``.json``, ``.ubj``, ``.txt`` or ``.cbm``.

    :raises UnsupportedModel: if it cannot be read, or its library is not installed.
    """
    library = SUFFIXES[path.suffix]
    refusal = f"{path.name} is no model that {library} can read"
    if not path.stat().st_size:
        raise UnsupportedModel(f"{refusal}: it is empty")
    try:
        if library == "xgboost":
            return _of_xgboost(path.read_bytes())
        if library == "lightgbm":
            return LightGBMBooster(path.read_text())
        import catboost

        return _of_catboost(catboost.CatBoost().load_model(str(path)))
    except ImportError:
        raise UnsupportedModel(f"{path.name} needs {library}: {INSTALL}") from None
    except UnsupportedModel:
        raise
    except Exception as error:  # the libraries raise anything on files that are not theirs
        raise UnsupportedModel(
            f"{path.name} is no model that {library} can read: {one_line(error)}"
        ) from error


def as_estimator(model: Any) -> Any:
    """A bare booster as its library's estimator; other models unchanged."""
    kind = type(model)
    library = kind.__module__.partition(".")[0]
    if (library, kind.__name__) == ("xgboost", "Booster"):
        return _of_xgboost(bytes(model.save_raw("ubj")))
    if (library, kind.__name__) == ("lightgbm", "Booster"):
        return LightGBMBooster(model.model_to_string(num_iteration=model.best_iteration))
    return _of_catboost(model) if (library, kind.__name__) == ("catboost", "CatBoost") else model


def _of_xgboost(content: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(content))
    objective = _objective(booster)
    classifies = objective.startswith(("binary:", "multi:"))
    kind = xgboost.XGBRanker if objective.startswith("rank:") else xgboost.XGBRegressor
    estimator = xgboost.XGBClassifier() if classifies else kind()
    estimator.load_model(bytearray(content))
    return estimator


def _objective(booster: Any) -> str:
    import orjson

    return str(orjson.loads(booster.save_config())["learner"]["objective"]["name"])


def _of_catboost(model: Any) -> Any:
    """CatBoost's class for the loss, with the same trees."""
    import tempfile

    import catboost

    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    classifies = loss in ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss")
    kind = catboost.CatBoostClassifier if classifies else catboost.CatBoostRegressor
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.cbm"))
        model.save_model(path)
        return kind().load_model(path)
