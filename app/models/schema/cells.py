"""Validation of single values: the value in its column's domain, or the reason against it."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from app.models.schema.signature import Feature, Label

EXACT_INTEGER = 2**53
LONGEST_SHOWN = 64
NEAR_LENGTH = 4
MOST_COMPARED = 60


def number(value: Any, feature: Feature) -> tuple[float, str | None]:
    """The value as float64, or the reason against it."""
    if value is None or value != value:
        noun = "true or false" if feature.kind == "boolean" else "a number"
        return np.nan, None if feature.nullable else f"must be {noun}, not null"
    numeric = isinstance(value, int | float | np.number)
    boolean = isinstance(value, bool | np.bool_)
    if feature.kind == "boolean":
        if boolean or (numeric and value in (0, 1)):
            return float(value), None
        return np.nan, f"must be true or false, not {'another number' if numeric else describe(value)}"
    if boolean or not numeric:
        return np.nan, f"must be a number, not {describe(value)}"
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        return np.nan, "integers beyond 2**53 cannot be represented exactly"
    if abs(value) == float("inf"):
        return np.nan, "must be a finite number"
    if feature.whole and value != np.floor(value):
        return np.nan, "must be a whole number, as those that the model was fitted to"
    return float(value), None


class Categories:
    """The domain of a column of labels or texts, in the model's own form."""

    def __init__(self, feature: Feature, suggest: Callable[[str, Sequence[str]], str]) -> None:
        self._feature = feature
        self._suggest = suggest
        self._known = {(isinstance(label, bool), label): label for label in feature.categories}
        self._nouns = {describe(label) for label in feature.categories} or {_noun(str)}
        self._texts = {} if _noun(str) in self._nouns else {str(label): label for label in feature.categories}

    def find(self, value: Any) -> tuple[Any, str | None]:
        """The label, or the reason against it."""
        feature = self._feature
        if value is None or value != value:
            return None, None if feature.nullable else "must not be null"
        value = self._as_known(value)
        if describe(value) not in self._nouns:
            return None, f"must be {' or '.join(sorted(self._nouns))}, not {describe(value)}"
        key = (isinstance(value, bool), value)
        if key in self._known:
            return self._known[key], None
        if feature.open:
            return value, None
        return None, "unknown category" + self._suggest(str(value), [*map(str, feature.categories)])

    def _as_known(self, value: Any) -> Any:
        """A number for its text, and a truth value for 0 or 1, if the column is unambiguous."""
        if isinstance(value, str):
            return self._texts.get(value, value) if _noun(int) in self._nouns else value
        if self._nouns == {_noun(bool)} and isinstance(value, int | float) and value in (0, 1):
            return bool(value)
        return value.item() if isinstance(value, np.generic) else value


def kind_of(labels: Iterable[Label]) -> type:
    """The one type of all labels, or text where there are several types or no labels."""
    kinds = set(map(type, labels))
    return kinds.pop() if len(kinds) == 1 else str


def suggestion(word: str, known: Iterable[str]) -> str:
    """A suggestion of the nearest known word, if there is one; takes a few ms at most.

    A comparison costs 20 µs, and a model may have thousands of columns: it is limited to words of similar
    length, equal beginnings first.
    """
    if len(word) > LONGEST_SHOWN:
        return ""
    alike = [other for other in known if abs(len(other) - len(word)) <= NEAR_LENGTH]
    alike = sorted(alike, key=lambda other: other[:2] != word[:2])[:MOST_COMPARED]
    nearest = get_close_matches(word, alike, n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def shown(name: str) -> str:
    """A client's name, cut to keep errors small."""
    return name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"


def describe(value: Any) -> str:
    """The kind of a JSON value, with its article."""
    return "null" if value is None else _noun(type(value))


def _noun(kind: type) -> str:
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(kind, "a list" if issubclass(kind, list | tuple) else "an object")
