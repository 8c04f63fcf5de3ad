"""Models that decide by distances, as parts of a `ComposedKernel`."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from app.models.compilation import NotCompilable
from app.models.compilation.composition.part import TIE_WITHIN, Member, Part, joined
from app.models.compilation.transformers.matrix_transformers import MAX_POINTS

METRICS = ("euclidean", "manhattan")


def _nearest(points: Any, codes: Any) -> Part:
    if issparse(points) or points.dtype != np.float64 or len(points) == 0:
        raise NotCompilable("centers that are sparse, in float32, or none")
    return Part({"op": "nearest", "points": points, "codes": np.asarray(codes)}, "labelled", True)


def clusters(model: Any, width: int, member: Member) -> Part:
    """The cluster of the nearest center."""
    if not hasattr(model, "cluster_centers_"):
        raise NotCompilable("clusters without centers")
    return _nearest(model.cluster_centers_, np.arange(len(model.cluster_centers_)))


def subclusters(model: Any, width: int, member: Member) -> Part:
    """The cluster of the nearest subcluster: Birch."""
    return _nearest(model.subcluster_centers_, model.subcluster_labels_)


def centroids(model: Any, width: int, member: Member) -> Part:
    """The class of the nearest centroid; its probabilities, and labels of uneven priors, by scaled distances.

    :raises NotCompilable: for other metrics than the Euclidean.
    """
    if model.metric != "euclidean":
        raise NotCompilable("centroids by another metric have no probabilities")
    deviations = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    scores = Part(
        {
            "op": "discriminants",
            "points": model.centroids_,
            "scale": deviations,
            "priors": model.class_prior_,
        },
        "scores",
        True,
    )
    probabilities = scores.then("probabilities", op="tempered", beta=1.0, logs=False)
    label = scores.then("labelled", op="label", tie=TIE_WITHIN)
    if np.isclose(model.class_prior_, 1 / len(model.classes_)).all():
        label = _nearest(model.centroids_, np.arange(len(model.classes_)))
    return joined("beside", [label, probabilities], "labelled")


def neighbours(model: Any, width: int, member: Member) -> Part:
    """The votes or the mean of the nearest points.

    :raises NotCompilable: for other metrics, weights of one's own, and too many points.
    """
    if model.weights not in ("uniform", "distance"):
        raise NotCompilable("weights of one's own")
    found = _points(model, by_distance=model.weights == "distance")
    exact = model._fit_method != "brute"  # trees of points take differences, others a product
    return _part(model, found | {"op": "neighbours", "count": model.n_neighbors, "exact": exact})


def within(model: Any, width: int, member: Member) -> Part:
    """The votes or the mean of all points within a radius.

    :raises NotCompilable: as `neighbours`, and for weights by distance.
    """
    if model.weights != "uniform":
        raise NotCompilable("weights within a radius")
    return _part(model, _points(model, by_distance=False) | {"op": "within", "radius": float(model.radius)})


def _points(model: Any, *, by_distance: bool) -> dict[str, Any]:
    points = model._fit_X
    if model.effective_metric_ not in METRICS or issparse(points) or points.dtype != np.float64:
        raise NotCompilable(f"neighbours by {model.effective_metric_}, of sparse rows or in float32")
    if len(points) > MAX_POINTS:
        raise NotCompilable(f"neighbours among more than {MAX_POINTS} points")
    metric = {"manhattan": model.effective_metric_ == "manhattan", "by_distance": by_distance}
    return {"points": points, "targets": np.asarray(model._y).reshape(len(points), -1), **metric}


def _part(model: Any, data: dict[str, Any]) -> Part:
    if not hasattr(model, "classes_"):
        return Part(data | {"classes": []}, "values", True)
    classes = model.classes_ if model.outputs_2d_ else [model.classes_]
    return Part(data | {"classes": [len(each) for each in classes]}, "labelled", True, len(classes))
