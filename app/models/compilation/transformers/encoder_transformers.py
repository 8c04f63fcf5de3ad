"""Fitted encoders as the steps of `label_steps`, for labels and for numbers that are categories."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn import preprocessing

from app.models.compilation import NotCompilable
from app.models.engines.preprocessing.label_steps import OneHot, Ordinal, TargetMeans
from app.models.engines.preprocessing.preprocessor import Step
from app.models.schema.signature import Label


def _one_hot(encoder: Any) -> Step:
    categories = [_labels(each) for each in encoder.categories_]
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(categories)
    rare = [[] if each is None else _labels(each) for each in _infrequent(encoder)] or [
        [] for _ in categories
    ]
    if encoder.drop_idx_ is not None and any(rare):
        raise NotCompilable(
            "OneHotEncoder that drops a column beside infrequent categories has no compiled form"
        )
    if encoder.handle_unknown == "warn":
        raise NotCompilable("OneHotEncoder with handle_unknown='warn' has no compiled form")
    kept = tuple(
        tuple(label for i, label in enumerate(labels) if i != drop and label not in shared)
        for labels, drop, shared in zip(categories, dropped, rare, strict=True)
    )
    pairs = zip(categories, dropped, strict=True)
    closed = tuple(() if drop is None else (labels[drop],) for labels, drop in pairs)
    return OneHot(
        kept,
        closed if encoder.handle_unknown == "error" else None,
        tuple(map(tuple, rare)) if any(rare) else (),
        unknown_is_rare=encoder.handle_unknown == "infrequent_if_exist",
    )


def _ordinal(encoder: Any) -> Step:
    return Ordinal(
        tuple(tuple(_labels(categories)) for categories in encoder.categories_),
        unknown=_finite(encoder.unknown_value),
        missing=_finite(encoder.encoded_missing_value),
        closed=encoder.handle_unknown == "error",
        codes=tuple(_codes(encoder)),
    )


def _infrequent(encoder: Any) -> Sequence[Any]:
    """Per column its infrequent categories or None; nothing if all are kept apart."""
    return getattr(encoder, "infrequent_categories_", ()) if encoder._infrequent_enabled else ()


def _codes(encoder: Any) -> Iterator[tuple[float | None, ...]]:
    """Per column the codes of its categories: infrequent ones share one, NaN has its own, as None has."""
    shared = encoder._default_to_infrequent_mappings if encoder._infrequent_enabled else ()
    for index, categories in enumerate(encoder.categories_):
        codes = range(len(categories)) if not shared or shared[index] is None else shared[index].tolist()
        yield tuple(
            _finite(encoder.encoded_missing_value) if label != label else float(codes[position])
            for position, label in enumerate(categories.tolist())
        )


def _target_means(encoder: Any) -> Step:
    categories = tuple(tuple(_labels(categories)) for categories in encoder.categories_)
    classes = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    unlisted = np.atleast_1d(encoder.target_mean_).tolist()
    return TargetMeans(
        categories,
        tuple(
            (index // classes, tuple(means.tolist()), unlisted[index % classes])
            for index, means in enumerate(encoder.encodings_)
        ),
    )


def _labels(categories: Any) -> list[Label | None]:
    labels = [None if label != label else label for label in np.asarray(categories, dtype=object).tolist()]
    if labels.count(None) > 1:
        raise NotCompilable("an encoder that tells None from NaN has no compiled form")
    return labels


def _finite(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


ENCODERS: dict[type, Callable[[Any], Step]] = {
    preprocessing.OneHotEncoder: _one_hot,
    preprocessing.OrdinalEncoder: _ordinal,
    preprocessing.TargetEncoder: _target_means,
}
