"""scikit-learn's word vectorizers as plain data, without scikit-learn."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.schema.rows import Matrix


@dataclass(frozen=True)
class Substitute:
    """Text cleaning: lower case, then ``rules`` (pattern, replacement) in order, then stripped edges."""

    op: ClassVar[str] = "substitute"
    lowercase: bool
    rules: tuple[tuple[str, str], ...]

    @cached_property
    def _compiled(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(pattern), replacement) for pattern, replacement in self.rules]

    def apply(self, columns: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        return [np.array([self.clean(text) for text in columns[0]], dtype=object)]

    def reach(self, limit: float) -> float:
        """Texts are no numbers."""
        return limit

    def clean(self, text: str) -> str:
        """One text."""
        if self.lowercase:
            text = text.lower()
        for pattern, replacement in self._compiled:
            text = pattern.sub(replacement, text)
        return text.strip()


@dataclass(frozen=True)
class WordCounts:
    """Counts of known words and word sequences, weighted and normalised: CountVectorizer, TfidfVectorizer.

    ``vocabulary``: terms in column order. ``idf``: weight per column, or None. ``norm``: ``l1``, ``l2`` or
    None. Sums run in scikit-learn's order, by column, so that the last bit agrees too.
    """

    op: ClassVar[str] = "word_counts"
    vocabulary: tuple[str, ...]
    token_pattern: str
    lowercase: bool
    stop_words: tuple[str, ...]
    ngrams: tuple[int, int]
    idf: tuple[float, ...] | None
    sublinear: bool
    binary: bool
    norm: str | None

    @cached_property
    def _column_of(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self.vocabulary)}

    @cached_property
    def _stop_words(self) -> frozenset[str]:
        return frozenset(self.stop_words)

    @cached_property
    def _tokens(self) -> Callable[[str], list[str]]:
        return re.compile(self.token_pattern).findall

    def apply(self, columns: Sequence[NDArray[Any]]) -> Matrix:
        weighted = np.zeros((len(columns[0]), len(self.vocabulary)))
        for row, text in enumerate(columns[0]):
            indices, weights = self.weights(text)
            weighted[row, indices] = weights
        return weighted

    def reach(self, limit: float) -> float:
        """No text of a request has more words than ``limit``."""
        return limit * max(map(abs, self.idf or (1.0,)))

    def weights(self, text: str) -> tuple[list[int], list[float]]:
        """Ascending columns of the terms in one text, and their values."""
        counts: dict[int, int] = {}
        column_of = self._column_of
        for term in self._terms(text.lower() if self.lowercase else text):
            if (column := column_of.get(term)) is not None:
                counts[column] = counts.get(column, 0) + 1
        indices = sorted(counts)
        weights = [1.0 if self.binary else float(counts[column]) for column in indices]
        if self.sublinear:
            weights = [math.log(weight) + 1.0 for weight in weights]
        if self.idf is not None:
            weights = [weight * self.idf[column] for weight, column in zip(weights, indices, strict=True)]
        length = self._length(weights)
        return indices, [weight / length for weight in weights] if length else weights

    def _terms(self, text: str) -> list[str]:
        words = self._tokens(text)
        if self._stop_words:
            words = [word for word in words if word not in self._stop_words]
        shortest, longest = self.ngrams
        if longest == 1:
            return words
        terms = list(words) if shortest == 1 else []
        for size in range(max(shortest, 2), min(longest, len(words)) + 1):
            terms += map(" ".join, zip(*(words[start:] for start in range(size)), strict=False))
        return terms

    def _length(self, weights: list[float]) -> float:
        if self.norm is None:
            return 0.0
        total = 0.0
        for weight in weights:
            total += abs(weight) if self.norm == "l1" else weight * weight
        return total if self.norm == "l1" else math.sqrt(total)
