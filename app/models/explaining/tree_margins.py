"""SHAP values of trees, tree path dependent, by the shap package (Lundberg et al. 2020, Tree SHAP,
https://doi.org/10.1038/s42256-019-0138-9)."""

import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from app.models.compilation.boosting.boosted_trees import library_of
from app.models.compilation.boosting.lightgbm_booster import LightGBMBooster
from app.models.explaining.explanation import Attribution, NotExplainable
from app.models.explaining.tree_arrays import MOST_STEPS, TreeArrays, has_trees, tree_arrays
from app.models.schema.rows import Matrix, Rows, take
from app.settings.process import first_use

# The largest trees are proven on this many rows, smaller ones on more.
PROVEN = 4
INSTALL = "pip install -r requirements-explain.txt"
# shap's extension keeps the interpreter's lock: who waits for it here leaves that lock to all other threads.
_extension = Lock()
# From rows as the model takes them to base (outputs,) and contributions (n, transformed columns, outputs).
TreeMargins = Callable[[Any], Attribution]


def is_of_trees(model: Any) -> bool:
    """True for models whose SHAP values are known: of scikit-learn, XGBoost, LightGBM and CatBoost."""
    return has_trees(model) or library_of(model) is not None


def tree_margins(model: Any) -> TreeMargins:
    """The function that explains a fitted model of `is_of_trees`.

    :raises NotExplainable: if shap is not installed, or does not know the model's form.
    """
    if has_trees(model):
        return ArrayMargins(tree_arrays(model))
    native = model.booster_ if isinstance(model, LightGBMBooster) else model
    explainer = _explainer(native)
    options: dict[str, Any] = {"check_additivity": False, "from_call": True}
    if library_of(model) == "lightgbm" and (best := getattr(native, "booster_", native).best_iteration) > 0:
        options["tree_limit"] = best  # after early stopping, where shap takes all trees

    def attribute(rows: Any) -> Attribution:
        """By the library's own C++, which shap calls."""
        return _attribution(explainer.shap_values(rows, **options), explainer.expected_value)

    return attribute


class ArrayMargins:
    """SHAP values of arrays of trees, by shap's C extension.

    :raises NotExplainable: if shap is not installed, or a row would take too long.
    """

    def __init__(self, arrays: TreeArrays) -> None:
        self._arrays = arrays
        self.steps = arrays.check_steps()
        dtype = np.float32 if arrays.rounded else np.float64
        document = {"trees": arrays.trees, "base_offset": arrays.base, "input_dtype": dtype}
        self._explainer = _explainer(document)

    def __call__(self, rows: Any) -> Attribution:
        """:param rows: float64 (n, transformed columns)."""
        found = [self._of_row(row) for row in rows]  # singly, so that others have a turn between them
        return Attribution(found[0].base, np.concatenate([each.contributions for each in found]))

    def affordable(self, rows: Rows) -> Rows:
        """As many of the rows as take a few times as long as the largest trees take for one."""
        return take(rows, range(min(len(rows), PROVEN * MOST_STEPS // self.steps)))

    def _of_row(self, row: Matrix) -> Attribution:
        with _extension:
            if self._arrays.categories:
                self._choose(row)
            return self._attribute(row[None])

    def _attribute(self, rows: Matrix) -> Attribution:
        values = self._explainer.shap_values(rows, check_additivity=False, from_call=True)
        return _attribution(values, self._explainer.expected_value)

    def _choose(self, row: Matrix) -> None:
        """Make the thresholds of splits by sets of codes send this row where its code goes.

        SHAP values depend on the direction alone that a row takes at each node, not on why.
        """
        thresholds, model = self._explainer.model.thresholds, self._explainer.model
        for (number, node), (left, known) in self._arrays.categories.items():
            value = row[model.features[number, node]]
            code = int(value) if value == value and 0 <= value < 2**31 else -1
            if known is not None and code not in known:
                goes_left = model.children_default[number, node] == model.children_left[number, node]
            else:
                goes_left = code in left
            thresholds[number, node] = np.inf if goes_left else -np.inf


def _explainer(model: Any) -> Any:
    try:
        with warnings.catch_warnings(), first_use("shap"):
            warnings.simplefilter("ignore")
            import shap
    except ImportError:
        raise NotExplainable(f"the service lacks the package shap: {INSTALL}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    except Exception as error:  # of a form that it does not know: anything
        name, reason = type(model).__name__, type(error).__name__
        raise NotExplainable(f"shap does not explain this {name}: {reason}") from error


def _attribution(values: Any, expected: Any) -> Attribution:
    contributions = np.asarray(values, dtype=np.float64)
    contributions = contributions[:, :, None] if contributions.ndim == 2 else contributions
    return Attribution(np.ravel(expected).astype(np.float64), contributions)
