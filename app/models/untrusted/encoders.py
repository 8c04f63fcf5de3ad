"""Checks of untrusted encoders, whose fitted numbers become columns of a matrix, unchecked by its width."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.utils import check_array

from app.models.untrusted import Unsound


def check_vocabulary(vectorizer: Any) -> None:
    """A vectorizer of text or of mappings: its n terms have the columns 0 to n - 1."""
    vocabulary = vars(vectorizer).get("vocabulary_")
    if vocabulary is None:  # given and checked at each use, if at all
        return
    kind = type(vectorizer).__name__
    columns: list[Any] = list(vocabulary.values()) if type(vocabulary) is dict else [None]
    if not all(isinstance(column, int | np.integer) for column in columns):
        raise Unsound(f"{kind} has a vocabulary without columns")
    if sorted(columns) != list(range(len(columns))):
        raise Unsound(f"{kind} has a vocabulary with columns that it does not make")


def check_hasher(hasher: Any) -> None:
    """A hasher divides by its number of columns."""
    width = vars(hasher).get("n_features")
    if not isinstance(width, int | np.integer) or not 1 <= width < 2**31:
        raise Unsound(f"{type(hasher).__name__} makes no possible number of columns")


def check_one_hot_encoder(encoder: Any) -> None:
    """A one-hot encoder: each feature gives as many columns as its categories imply."""
    own = vars(encoder)
    if "categories_" not in own:
        return
    categories = own["categories_"]
    kind, count = type(encoder).__name__, len(categories)
    groups = own["_infrequent_indices"] if own["_infrequent_enabled"] else [None] * count
    mappings = own["_default_to_infrequent_mappings"] if own["_infrequent_enabled"] else [None] * count
    dropped = own["_drop_idx_after_grouping"]
    dropped = [None] * count if dropped is None else list(dropped)
    widths = []
    for known, group, mapping, drop in zip(categories, groups, mappings, dropped, strict=True):
        if not _is_sorted(known):
            raise Unsound(f"{kind} has categories that are not sorted")
        width = len(known)
        if (group is None) != (mapping is None) or (group is not None and not _maps(mapping, group, width)):
            raise Unsound(f"{kind} has infrequent categories that it does not have")
        width -= 0 if group is None else len(group) - 1
        if drop is not None and not (isinstance(drop, int | np.integer) and 0 <= drop < width):
            raise Unsound(f"{kind} leaves out a category that it does not have")
        widths.append(width - (drop is not None))
    if type(own["_n_features_outs"]) is not list or own["_n_features_outs"] != widths:
        raise Unsound(f"{kind} makes other columns than its categories imply")


def encodes_categories(preprocessor: Any, width: int) -> bool:
    """True for the encoder inside of histogram boosting, which gives as many columns as it takes.

    Each column goes either to the encoder of categories or through the check of numbers, in this order.
    """
    if type(preprocessor) is not ColumnTransformer:
        return False
    parts = [part for part in preprocessor.transformers_ if part[0] != "remainder"]
    places = preprocessor._transformer_to_input_indices
    kinds = [(name, type(part)) for name, part, _ in parts]
    if kinds != [("encoder", OrdinalEncoder), ("numerical", FunctionTransformer)]:
        return False
    (_, encoder, encoded), (_, check, others) = parts
    masks = np.array([encoded, others])
    return (
        masks.dtype == bool
        and masks.shape == (2, width)
        and bool((masks.sum(axis=0) == 1).all())
        and all(np.array_equal(places[name], np.flatnonzero(mask)) for name, _, mask in parts)
        and not np.size(places.get("remainder", ()))
        and len(encoder.categories_) == encoded.sum()
        and _checks_numbers(check)
    )


def _checks_numbers(transformer: FunctionTransformer) -> bool:
    """True if it only checks its columns, as histogram boosting does, and cannot give others."""
    function = transformer.func
    if function is None:  # as in an export, which holds no functions
        return True
    return (
        isinstance(function, partial)
        and function.func is check_array
        and not function.args
        and function.keywords.keys() == {"dtype", "ensure_all_finite"}
        and not transformer.kw_args
    )


def _is_sorted(known: NDArray[Any]) -> bool:
    """Numbers are searched for by halving, missing values come last; text is looked up in a dictionary."""
    values = known.tolist() if known.ndim == 1 else []
    while len(values) > 1 and (values[-1] is None or values[-1] != values[-1]):
        values.pop()
    if not values:
        return False
    return all(isinstance(value, str) for value in values) or all(a < b for a, b in pairwise(values))


def _maps(mapping: NDArray[Any], group: NDArray[Any], width: int) -> bool:
    """Whether a mapping of categories is what infrequent ones imply: together they become the last one."""
    grouped = np.zeros(width, dtype=bool)
    grouped[group] = True  # IndexError beyond the categories
    expected = np.where(grouped, width - len(group), np.cumsum(~grouped) - 1)
    own = 0 < len(group) == grouped.sum() and bool((group >= 0).all())
    return own and np.array_equal(mapping, expected)
