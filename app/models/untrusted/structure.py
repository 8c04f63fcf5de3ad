"""Structural checks of every part of an untrusted model, before any use.

skops checks types but not contents, and scikit-learn's compiled code follows the positions in a model without
bounds checks. The checks cover every object in the model's pickle, and so all that is published.
"""

import pickle
from collections.abc import Callable
from types import FunctionType
from typing import Any

from scipy.interpolate import BSpline
from sklearn.base import BaseEstimator
from sklearn.calibration import _CalibratedClassifier
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.gaussian_process.kernels import Kernel
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors._base import NeighborsBase
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm._base import BaseLibSVM
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from app.models.compilation.compilers import one_line
from app.models.untrusted import Unsound, encoders, trees, vectors


def check_methods(estimator: Any) -> None:
    """Refuse attributes that replace a method, such as the validation of input."""
    for name in vars(estimator):
        if isinstance(getattr(type(estimator), name, None), FunctionType):
            raise Unsound(f"{type(estimator).__name__} has a {name!r} in place of its own method")


def set_to_one_job(estimator: Any) -> None:
    """Set the number of threads and processes to one."""
    for name in ("n_jobs", "_n_threads"):
        if name in vars(estimator):
            setattr(estimator, name, 1)


# Parts come before their wholes.
CHECKS: tuple[tuple[type | tuple[type, ...], Callable[[Any], None]], ...] = (
    ((BaseEstimator, Kernel, _CalibratedClassifier), check_methods),
    (BaseEstimator, set_to_one_job),
    (Tree, trees.check_tree),
    (TreePredictor, trees.check_predictor),
    (vectors.SPARSE, vectors.check_sparse),
    ((KDTree, BallTree), vectors.check_binary_tree),
    (BSpline, vectors.check_spline),
    ((CountVectorizer, DictVectorizer), encoders.check_vocabulary),
    ((FeatureHasher, HashingVectorizer), encoders.check_hasher),
    (OneHotEncoder, encoders.check_one_hot_encoder),
    ((BaseDecisionTree, BaseForest), trees.check_width),
    (IsolationForest, trees.check_isolation_forest),
    (BaseHistGradientBoosting, trees.check_histogram_boosting),
    (NeighborsBase, vectors.check_neighbors),
    (BaseLibSVM, vectors.check_libsvm),
    ((KMeans, MiniBatchKMeans), vectors.check_clusters),
    (BaseGradientBoosting, trees.check_boosting),
)


def check_parts(model: Any) -> None:
    """Check every part of a model, and set it to one job.

    :raises Unsound: naming the part.
    """
    parts = _Parts()
    parts.dump(model)
    for kind, check in CHECKS:
        for part in parts.found:
            if isinstance(part, kind):
                try:
                    check(part)
                except Unsound:
                    raise
                except Exception as error:  # an incomplete part may raise anything
                    raise Unsound(f"{type(part).__name__} is incomplete: {one_line(error)}") from None


class _Parts(pickle.Pickler):
    """Collects the objects of a model as pickle traverses them, and writes nothing."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), protocol=5, buffer_callback=lambda buffer: None)
        self.found: list[Any] = []
        self._kinds = tuple(kind for kind, _ in CHECKS)

    def persistent_id(self, part: Any) -> None:
        """Called by pickle for each object; None continues."""
        if isinstance(part, self._kinds):
            self.found.append(part)


class _Nowhere:
    def write(self, content: bytes) -> int:
        return len(content)
