"""The global model manager: `model_manager`, created unbound and bound to an app by `init_app`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.models.loading.loader import loading_options
from app.models.ports import Observer, PredictionCache
from app.models.serving import operations
from app.models.serving.canary import CanaryLimits
from app.models.serving.registry import ModelRegistry
from app.models.serving.served_model import DEFAULT, ServedModel

EXTENSION = "model_manager"
REGISTRY = "model_registry"

Features = NDArray[Any] | Sequence[Any] | Mapping[str, Any]


class Application(Protocol):
    """As much of a Flask application as the manager uses; this layer does not import Flask."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Settings by name."""

    @property
    def extensions(self) -> dict[str, Any]:
        """State of the extensions of the app."""


class MLModelManager:
    """Loads, saves and calls the model of an app.

    What belongs to one app is kept in ``app.extensions``. A call finds its app as the running
    request's; outside any request it is the app bound last.
    """

    def __init__(self) -> None:
        self._current_app: Callable[[], Application] = _no_app
        # Held, not only referenced: plain Python may call create_app() for the manager alone.
        self._latest: Application | None = None

    def init_app(
        self,
        app: Application,
        *,
        cache: PredictionCache | None = None,
        observers: Sequence[Observer] = (),
        current_app: Callable[[], Application] | None = None,
    ) -> None:
        """Bind to ``app``; its configuration names the store and how versions are loaded.

        :param cache: of predictions, for all models of the app.
        :param observers: of what happens to them.
        :param current_app: returns the app of the running request; raises RuntimeError outside of one.
        :raises ConfigError: if ``MODEL_ENGINE`` names no engine.
        """
        options = loading_options(app.config)
        limits = CanaryLimits(
            min_requests=app.config["CANARY_MIN_REQUESTS"],
            max_error_rate=app.config["CANARY_MAX_ERROR_RATE"],
            max_latency_ratio=app.config["CANARY_MAX_LATENCY_RATIO"],
        )
        app.extensions[EXTENSION] = self
        app.extensions[REGISTRY] = ModelRegistry(
            app.config["MODELS_DIR"],
            lambda name, store: ServedModel(
                store, options, limits=limits, cache=cache, observers=observers, name=name
            ),
        )
        self._latest = app
        self._current_app = current_app or self._current_app

    @property
    def served_model(self) -> ServedModel:
        """The app's default model.

        :raises RuntimeError: if no app was bound.
        """
        return self.registry.default

    @property
    def registry(self) -> ModelRegistry:
        """All models of the app, by name.

        :raises RuntimeError: if no app was bound.
        """
        registry: ModelRegistry = self._app.extensions[REGISTRY]
        return registry

    @property
    def _app(self) -> Application:
        try:
            return self._current_app()
        except RuntimeError:
            if self._latest is None:
                raise
            return self._latest

    @property
    def model_loaded(self) -> bool:
        """True if there is a model to predict with."""
        return self.served_model.loaded

    def load_model(self, version: str | None = None) -> str:
        """Load a version, by default the active one or else the newest, and return its name.

        :raises ModelNotLoaded: if the store is empty.
        :raises VersionNotFound: if there is no such version.
        :raises StoreUnreadable: if it cannot be read which one is active.
        :raises ArtifactInvalid: if it fails a check; what served before goes on serving.
        """
        return self.served_model.load(version).version

    def save_model(
        self,
        model: Any,
        scaler: Any = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        sample: Any = None,
        version: str | None = None,
        code: Sequence[str | Path] = (),
        by_value: bool = False,
        activate: bool = True,
        name: str = DEFAULT,
    ) -> str:
        """Save a fitted model as a new version and return its name; see `publish`.

        :param activate: make it the version that is served from the next load on.
        :param name: of the model, by default the default one.
        :raises VersionRefused: if it is saved but fails a check of loading, and so is not active.
        """
        from app.models.publishing.publish import publish  # brings scikit-learn, which serving may not need

        served_model = self.registry.open(name)
        own_code: dict[str, Any] = {"code": code, "by_value": by_value}
        saved = publish(
            served_model.store, model, scaler, metadata, sample=sample, version=version, **own_code
        )
        if activate:
            operations.activate(served_model, saved, swap_in=False)
        return saved

    def predict(self, features: Features) -> dict[str, Any]:
        """Predict one row, given as shape (d,) in training order or as a mapping by column name.

        Returns ``prediction`` and, where the model has them, ``confidence`` and ``probabilities``.

        :raises ModelNotLoaded: if no model is loaded.
        :raises InvalidInput: if the row does not fit the model.
        """
        row = features.reshape(1, -1) if isinstance(features, np.ndarray) else [features]
        return self.served_model.predict(row).to_dicts()[0]

    def explain(self, features: Features, *, columns: int = 5) -> dict[str, Any]:
        """What each column adds to the answer to one row, as ``explanation`` of ``/api/predict`` says it.

        :param columns: how many of them are named; the others are summed up.
        :raises ModelNotLoaded: if no model is loaded.
        :raises InvalidInput: if the row does not fit the model, or the model has no exact explanation.
        """
        row = features.reshape(1, -1) if isinstance(features, np.ndarray) else [features]
        return dict(self.served_model.predict(row, explain=columns).explanations[0])

    def batch_predict(self, samples: ArrayLike | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Predict n rows, an array (n, d) or a sequence of rows; one result per row, in order.

        :raises ModelNotLoaded: if no model is loaded.
        :raises InvalidInput: naming each value that does not fit.
        """
        rows: Any = samples
        if hasattr(rows, "to_dict"):  # a data frame: by column name, None where a value is missing
            objects = rows.rename(columns=str).astype(object)
            rows = objects.where(rows.notna().to_numpy(), None).to_dict("records")
        return self.served_model.predict(rows, field="samples").to_dicts()


def _no_app() -> Application:
    raise RuntimeError("model_manager is bound to no app: call create_app() first")


model_manager = MLModelManager()
