"""A bare booster of LightGBM with the methods of an estimator."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class LightGBMBooster:
    """Predicts as `LGBMClassifier` does, with the classes 0, 1, …, or as `LGBMRegressor`.

    :param text: the model as LightGBM writes it into a file.
    """

    def __init__(self, text: str) -> None:
        self._restore(text)

    def __getstate__(self) -> dict[str, str]:
        return {"text": self.booster_.model_to_string()}

    def __setstate__(self, state: dict[str, str]) -> None:
        self._restore(state["text"])

    def _restore(self, text: str) -> None:
        import lightgbm

        self.booster_ = lightgbm.Booster(model_str=text)
        self.n_features_in_ = self.booster_.num_feature()
        objective = self.booster_.dump_model(num_iteration=1).get("objective", "").split(" ")
        labels = {"binary": 2, "multiclass": self.booster_.num_model_per_iteration()}.get(objective[0])
        if labels:
            self.classes_ = np.arange(labels)
        names = self.booster_.feature_name()
        if names != [f"Column_{position}" for position in range(len(names))]:
            self.feature_names_in_ = np.array(names, dtype=object)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Labels (n,) of a model with classes, or numbers (n,)."""
        if not hasattr(self, "classes_"):
            return np.asarray(self.booster_.predict(rows, num_threads=1))
        labels: NDArray[Any] = self.classes_[self.predict_proba(rows).argmax(axis=1)]
        return labels

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Probabilities, (n, classes).

        :raises AttributeError: if the model has no classes.
        """
        if not hasattr(self, "classes_"):
            raise AttributeError("a model without classes has no probabilities")
        shares = np.asarray(self.booster_.predict(rows, num_threads=1), dtype=np.float64)
        return np.column_stack((1.0 - shares, shares)) if shares.ndim == 1 else shares
