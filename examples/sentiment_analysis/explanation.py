"""Which words decided: exact, because the model is linear, and from plain numbers, without unpickling."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from app.exceptions import ModelError
from app.models.engines.preprocessing.text import Substitute, WordCounts
from app.models.loading.loader import LoadedVersion
from app.models.repository.store import ModelStore
from app.models.schema.rows import Matrix

FILE = "explanation.json"


@dataclass(frozen=True)
class Explainer:
    """The same linear model as plain numbers; ``coefficients`` is float64 (outcomes, terms).

    ``outcomes``: the classes that the decision function has a value for; of two classes only the second.
    """

    cleaning: Substitute
    counting: WordCounts
    outcomes: list[str]
    intercept: list[float]
    coefficients: Matrix

    def explain(self, text: str) -> dict[str, Any]:
        """The terms found in a text and what each adds to the log-odds of each outcome.

        For each outcome the contributions and ``intercept`` sum up to ``decision``, the model's decision
        function; the term that moved it most comes first.
        """
        columns, weights = self.counting.weights(self.cleaning.clean(text))
        added = self.coefficients[:, columns] * np.array(weights)
        order: list[int] = np.argsort(-np.abs(added).max(axis=0), kind="stable").tolist() if columns else []
        totals = [math.fsum([start, *row]) for start, row in zip(self.intercept, added.tolist(), strict=True)]
        return {
            "intercept": self._by_outcome(self.intercept),
            "terms": [
                {
                    "term": self.counting.vocabulary[columns[position]],
                    "contributions": self._by_outcome(added[:, position].tolist()),
                }
                for position in order
            ],
            "decision": self._by_outcome(totals),
        }

    def _by_outcome(self, values: list[float]) -> dict[str, float]:
        return dict(zip(self.outcomes, values, strict=True))


def explainer_of(model: LoadedVersion, store: ModelStore) -> Explainer:
    """The explainer of a loaded version, out of its verified file; remembered for the versions used last.

    :raises ModelError: if the version has no such file.
    :raises ArtifactInvalid: if it is damaged.
    """
    if FILE not in model.metadata["files"]:
        raise ModelError("The loaded model has no explanations")
    recorded = model.metadata["files"][FILE]
    return _read(store, model.version, recorded["sha256"], recorded["size"])


@lru_cache(maxsize=2)
def _read(store: ModelStore, version: str, sha256: str, size: int) -> Explainer:
    recorded = {"files": {FILE: {"sha256": sha256, "size": size}}}
    document = json.loads(store.read(version, FILE, recorded))
    return Explainer(
        Substitute(**document["cleaning"]),
        WordCounts(**document["counting"]),
        document["outcomes"],
        document["intercept"],
        np.array(document["coefficients"]),
    )
