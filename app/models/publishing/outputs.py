"""The output of a model, derived from its predictions: its tags may differ from them."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, OutlierMixin, is_classifier, is_outlier_detector, is_regressor

from app.exceptions import UnsupportedModel
from app.models.engines.sklearn_engine import called, one_column
from app.models.schema.signature import Label, OutputSignature, Task

ROUNDING = 1e-6
NO_CLASSES = "predicts labels but has no classes_: set self.classes_ = np.unique(y) in fit"
SEVERAL_TARGETS = "has several target columns, which are not supported: save one model per column"


def output_signature(model: Any, data: Any) -> OutputSignature:
    """The task, classes and probabilities of a model.

    :param data: the sample in the model's own form.
    :raises UnsupportedModel: for several labels a row, labels that JSON cannot carry, or labels without
        ``classes_``.
    """
    predicted, probabilities = _predictions(model, data), _probabilities(model, data)
    if classes := _classes(model):
        if unknown := sorted(set(predicted.tolist()) - set(classes), key=str):
            known = ", ".join(map(repr, classes[:10]))
            raise UnsupportedModel(
                f"the model predicts {unknown[0]!r}, which is not among its classes: {known}"
            )
        task: Task = "outlier_detection" if _tagged(is_outlier_detector, model) else "classification"
        return OutputSignature(task, classes, _has_probabilities(probabilities, len(classes)))
    whole = predicted.dtype.kind in "iu" and predicted.ndim == 1
    if whole and (found := _whole_numbers(model, predicted, probabilities)):
        return found
    if _says_classifier(model) or predicted.dtype.kind not in "fiu":
        raise UnsupportedModel(f"{_name(model)} {NO_CLASSES}")
    values = predicted.astype(np.float64).reshape(len(predicted), -1)
    finite = values[np.isfinite(values).all(axis=1)]
    if not len(finite):
        raise UnsupportedModel(f"{_name(model)} predicts no finite number for any row of the sample")
    center, spread = finite.mean(axis=0).tolist(), finite.std(axis=0).tolist()
    return OutputSignature("regression", center=tuple(center), spread=tuple(spread))


def _predictions(model: Any, data: Any) -> NDArray[Any]:
    predicted = called(model.predict, deepcopy(data))
    if hasattr(predicted, "toarray"):
        predicted = predicted.toarray()
    predicted = one_column(np.asarray(predicted))
    if predicted.dtype == object:  # a list of labels of one kind, or of numbers
        predicted = np.array(predicted.tolist())
    if len(predicted) != len(data) or predicted.ndim not in (1, 2):
        raise UnsupportedModel(
            f"{_name(model)} predicts an array of shape {predicted.shape} for {len(data)} rows"
        )
    if predicted.ndim == 2 and (_classes_of(model) is not None or _says_classifier(model)):
        raise UnsupportedModel(
            f"{_name(model)} predicts several labels a row: several target columns are not supported;"
            f" save {predicted.shape[1]} models, one per label"
        )
    return predicted


def _probabilities(model: Any, data: Any) -> NDArray[np.float64] | None:
    try:
        answered = called(model.predict_proba, deepcopy(data))
    except Exception:  # AttributeError, NotImplementedError or a custom error: no probabilities
        return None
    if isinstance(answered, list) and answered and np.ndim(answered[0]) == 2:
        raise UnsupportedModel(f"{_name(model)} {SEVERAL_TARGETS}")
    return np.asarray(answered, dtype=np.float64)


def _has_probabilities(probabilities: NDArray[np.float64] | None, n_classes: int) -> bool:
    if probabilities is None:
        return False
    if probabilities.ndim != 2 or probabilities.shape[1] != n_classes:
        raise UnsupportedModel(
            f"predict_proba returns an array of shape {probabilities.shape} for {n_classes} classes:"
            " it must have one column per class"
        )
    known = probabilities[np.isfinite(probabilities).all(axis=1)]
    if known.size and (known.min() < -ROUNDING or known.max() > 1 + ROUNDING):
        worst = known.min() if known.min() < -ROUNDING else known.max()
        raise UnsupportedModel(f"predict_proba returns {worst:.3g}, which is no probability")
    return True


def _whole_numbers(
    model: Any, predicted: NDArray[Any], probabilities: NDArray[np.float64] | None
) -> OutputSignature | None:
    """Integers without classes: outliers, clusters, components of a mixture; None for other models."""
    values = set(np.unique(predicted).tolist())
    if (_tagged(is_outlier_detector, model) or isinstance(model, OutlierMixin)) and values <= {-1, 1}:
        return OutputSignature("outlier_detection", (-1, 1))
    if _tagged(is_regressor, model) or _says_classifier(model):
        return None
    if probabilities is not None and probabilities.ndim == 2 and values <= set(range(probabilities.shape[1])):
        n = probabilities.shape[1]
        return OutputSignature("clustering", tuple(range(n)), _has_probabilities(probabilities, n))
    return OutputSignature("clustering")


def _classes(model: Any) -> tuple[Label, ...]:
    """The labels, as plain Python; empty for a model without any."""
    classes = _classes_of(model)
    if classes is None:
        return (-1, 1) if _tagged(is_outlier_detector, model) else ()
    if isinstance(classes, list) and any(np.ndim(each) for each in classes):
        raise UnsupportedModel(f"{_name(model)} {SEVERAL_TARGETS}")
    labels = tuple(np.asarray(classes).tolist())
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
    return None if classes is None or np.size(classes) == 0 else classes


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
