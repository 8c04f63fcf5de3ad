"""The one door: every prediction of an app, whatever route or dialect asked for it, comes from here."""

import logging
from threading import Lock
from typing import Any

import numpy as np

from app.exceptions import ModelNotLoaded, PredictionFailed, ServiceError
from app.models import loading
from app.models.conformance import RawRows, conform
from app.models.loading import LoadedModel
from app.models.outliers import Policy
from app.models.predictions import Answer, Outcome
from app.models.rows import Rows
from app.models.store import ModelStore

log = logging.getLogger(__name__)


class ModelService:
    """One app's model: which version is loaded, and its predictions. Safe to share by threads."""

    def __init__(self, store: ModelStore, *, policy: Policy, tolerance: float) -> None:
        self.store = store
        self._policy = policy
        self._tolerance = tolerance
        self._current: LoadedModel | None = None
        self._loading = Lock()

    @property
    def loaded(self) -> bool:
        """True if there is a model to predict with."""
        return self._current is not None

    @property
    def model(self) -> LoadedModel:
        """The model that serves.

        :raises ModelNotLoaded: if there is none.
        """
        if (model := self._current) is None:
            raise ModelNotLoaded
        return model

    def load(self, version: str | None = None) -> LoadedModel:
        """Load a version, by default the active one or else the newest, and serve it.

        The version that served before goes on until the new one is ready, and for good if it fails.

        :raises ModelNotLoaded: if the store is empty.
        :raises VersionNotFound: if there is no such version.
        :raises ArtifactInvalid: if it fails a check.
        """
        with self._loading:
            wanted = version or self.store.active() or next(iter(self.store.versions()), None)
            if wanted is None:
                raise ModelNotLoaded
            model = loading.load(self.store, wanted, policy=self._policy, tolerance=self._tolerance)
            self._current = model
        log.info("model loaded", extra={"model_version": wanted, "engine": model.engine.name})
        return model

    def predict(self, rows: RawRows, *, field: str = "features") -> Answer:
        """Predict ``rows`` with the model that serves now.

        :param rows: float64 array (n, d), or n lists in training order or mappings by column name.
        :param field: the caller's name for the rows, used in errors.
        :raises ModelNotLoaded: if there is no model.
        :raises InvalidInput: naming each value that does not fit.
        :raises PredictionFailed: if the model itself raised, or answered with what is not a number.
        """
        model = self.model
        conforming = conform(rows, model.signature, field=field)
        inspected, warnings = model.guard.inspect(conforming, field=field)
        return Answer(model, self._run(model, inspected), warnings)

    def _run(self, model: LoadedModel, rows: Rows) -> Outcome:
        try:
            outcome = model.engine.predict(rows)
        except ServiceError:
            raise
        except Exception as error:
            raise PredictionFailed from error
        numbers: Any = outcome.values if outcome.probabilities is None else outcome.probabilities
        if not np.isfinite(numbers).all():
            raise PredictionFailed
        return outcome
