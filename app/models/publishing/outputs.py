"""The output of a model, derived from its predictions: its tags may differ from them."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, OutlierMixin, is_classifier, is_outlier_detector, is_regressor

from app.exceptions import UnsupportedModel
from app.models.engines.sklearn_engine import predictions_of, predicts, probabilities_of, scores_of
from app.models.schema.signature import Label, OutputSignature, Task

ROUNDING = 1e-6
NO_CLASSES = "predicts labels but has no classes_: set self.classes_ = np.unique(y) in fit"
SEVERAL_LABELS = (
    "predicts several labels a row, neither 0 or 1 nor out of classes_: set self.classes_ to a list with the"
    " classes of each target"
)


def output_signature(model: Any, data: Any) -> OutputSignature:
    """The task, classes and probabilities of a model.

    :param data: the sample in the model's own form.
    :raises UnsupportedModel: for labels that JSON cannot carry, or labels without ``classes_``.
    """
    predicted = _predictions(model, data)
    if not predicts(model):
        return _numbers("transformation", model, predicted)
    if targets := _targets(model, predicted):
        return _several_labels(model, data, predicted, targets)
    if _detects_outliers(model, predicted):
        return _outliers(model, data)
    probabilities = _probabilities(model, data)
    if classes := _classes(model):
        _check_known(predicted.tolist(), classes)
        task: Task = "outlier_detection" if _tagged(is_outlier_detector, model) else "classification"
        return OutputSignature(task, classes, _has_probabilities(probabilities, len(classes)))
    whole = predicted.dtype.kind in "iu" and predicted.ndim == 1
    if whole and (found := _whole_numbers(model, predicted, probabilities)):
        return found
    if _says_classifier(model) or predicted.dtype.kind not in "fiu":
        raise UnsupportedModel(f"{_name(model)} {NO_CLASSES}")
    return _numbers("regression", model, predicted)


def _numbers(task: Task, model: Any, predicted: NDArray[Any]) -> OutputSignature:
    if predicted.dtype.kind not in "fiub":
        raise UnsupportedModel(f"{_name(model)} gives back text or objects: only numbers are served")
    values = predicted.astype(np.float64).reshape(len(predicted), -1)
    finite = values[np.isfinite(values).all(axis=1)]
    if not len(finite):
        raise UnsupportedModel(f"{_name(model)} predicts no finite number for any row of the sample")
    center, spread = finite.mean(axis=0).tolist(), finite.std(axis=0).tolist()
    return OutputSignature(task, center=tuple(center), spread=tuple(spread))


def _targets(model: Any, predicted: NDArray[Any]) -> tuple[tuple[Label, ...], ...]:
    """The classes of each target of a model that predicts several labels a row; empty for other models."""
    classes = _classes_of(model)
    if predicted.ndim == 1 or (classes is None and not _says_classifier(model)):
        return ()
    if isinstance(classes, list) and len(classes) == predicted.shape[1] and all(map(np.ndim, classes)):
        return tuple(_labels(each) for each in classes)
    if not np.isin(predicted, (0, 1)).all():
        raise UnsupportedModel(f"{_name(model)} {SEVERAL_LABELS}")
    return tuple((0, 1) for _ in range(predicted.shape[1]))


def _several_labels(
    model: Any, data: Any, predicted: NDArray[Any], targets: tuple[tuple[Label, ...], ...]
) -> OutputSignature:
    for column, classes in zip(predicted.T.tolist(), targets, strict=True):
        _check_known(column, classes)
    try:
        probabilities = probabilities_of(model, deepcopy(data), targets)
    except Exception:  # as for one label
        return OutputSignature("classification", targets=targets)
    # A chain of targets with more than two classes says only how probable the second is.
    whole = probabilities.shape == (len(predicted), sum(map(len, targets)))
    return OutputSignature(
        "classification", probabilities=whole and _in_range(probabilities), targets=targets
    )


def _detects_outliers(model: Any, predicted: NDArray[Any]) -> bool:
    """:raises UnsupportedModel: for a detector that says anything but -1 and 1."""
    if _classes_of(model) is not None or predicted.ndim == 2:
        return False
    if _tagged(is_outlier_detector, model):
        _check_known(predicted.tolist(), (-1, 1))
        return True
    return isinstance(model, OutlierMixin) and bool(np.isin(predicted, (-1, 1)).all())


def _outliers(model: Any, data: Any) -> OutputSignature:
    """Outliers are -1, with the model's decision function as their score."""
    try:
        scores = scores_of(model, deepcopy(data))
    except Exception:  # a custom detector may have none
        return OutputSignature("outlier_detection", (-1, 1))
    known = scores[np.isfinite(scores)]
    if scores.shape != (len(data), 1) or not len(known):
        return OutputSignature("outlier_detection", (-1, 1))
    center, spread = float(known.mean()), float(known.std())
    return OutputSignature("outlier_detection", (-1, 1), center=(center,), spread=(spread,), scored=True)


def _check_known(labels: list[Any], classes: tuple[Label, ...]) -> None:
    if unknown := sorted(set(labels) - set(classes), key=str):
        known = ", ".join(map(repr, classes[:10]))
        raise UnsupportedModel(f"the model predicts {unknown[0]!r}, which is not among its classes: {known}")


def _predictions(model: Any, data: Any) -> NDArray[Any]:
    predicted = predictions_of(model, deepcopy(data))
    several_labels = predicted.ndim == 2 and _classes_of(model) is not None  # of kinds of their own
    if predicted.dtype == object and not several_labels:  # a list of labels of one kind, or of numbers
        predicted = np.array(predicted.tolist())
    if len(predicted) != len(data) or predicted.ndim not in (1, 2):
        raise UnsupportedModel(
            f"{_name(model)} predicts an array of shape {predicted.shape} for {len(data)} rows"
        )
    return predicted


def _probabilities(model: Any, data: Any) -> NDArray[np.float64] | None:
    try:
        return probabilities_of(model, deepcopy(data))
    except Exception:  # AttributeError, NotImplementedError or a custom error: no probabilities
        return None


def _has_probabilities(probabilities: NDArray[np.float64] | None, n_classes: int) -> bool:
    if probabilities is None:
        return False
    if probabilities.ndim != 2 or probabilities.shape[1] != n_classes:
        raise UnsupportedModel(
            f"predict_proba returns an array of shape {probabilities.shape} for {n_classes} classes:"
            " it must have one column per class"
        )
    return _in_range(probabilities)


def _in_range(probabilities: NDArray[np.float64]) -> bool:
    """:raises UnsupportedModel: for a number that is no probability."""
    known = probabilities[np.isfinite(probabilities).all(axis=1)]
    if known.size and (known.min() < -ROUNDING or known.max() > 1 + ROUNDING):
        worst = known.min() if known.min() < -ROUNDING else known.max()
        raise UnsupportedModel(f"predict_proba returns {worst:.3g}, which is no probability")
    return True


def _whole_numbers(
    model: Any, predicted: NDArray[Any], probabilities: NDArray[np.float64] | None
) -> OutputSignature | None:
    """Integers without classes: clusters, components of a mixture; None for other models."""
    values = set(np.unique(predicted).tolist())
    if _tagged(is_regressor, model) or _says_classifier(model):
        return None
    if probabilities is not None and probabilities.ndim == 2 and values <= set(range(probabilities.shape[1])):
        n = probabilities.shape[1]
        return OutputSignature("clustering", tuple(range(n)), _has_probabilities(probabilities, n))
    return OutputSignature("clustering")


def _classes(model: Any) -> tuple[Label, ...]:
    """The labels, as plain Python; empty for a model without any."""
    classes = _classes_of(model)
    return () if classes is None else _labels(classes)


def _labels(classes: Any) -> tuple[Label, ...]:
    labels: tuple[Label, ...] = tuple(np.asarray(classes).tolist())
    for label in labels:
        if label is None or label != label:
            raise UnsupportedModel(
                "one of the model's classes is a missing value: give it a label of its own"
            )
        if not isinstance(label, str | int | float | bool):
            kind = type(label).__name__
            raise UnsupportedModel(f"the model's classes are {kind}: fit it to text or numbers instead")
    return labels


def _classes_of(model: Any) -> Any:
    try:
        classes = model.classes_
    except (AttributeError, TypeError):
        return None
    return None if classes is None or len(classes) == 0 else classes


def _says_classifier(model: Any) -> bool:
    return _tagged(is_classifier, model) or isinstance(model, ClassifierMixin)


def _tagged(asks: Callable[[Any], bool], model: Any) -> bool:
    """A property of the model's tags; classes outside of scikit-learn may have none."""
    try:
        return bool(asks(model))
    except Exception:  # a custom class may raise anything for its tags
        return False


def _name(model: Any) -> str:
    steps = getattr(model, "steps", None)
    return type(steps[-1][1] if steps else model).__name__
