"""scikit-learn's text vectorizers as plain data, without scikit-learn.

A row of weights is dense, or multiplied at once with the weights of the linear model that follows: of its
hundreds of thousands of columns a text has few. Sums run in scikit-learn's order, by column, so that the last
bit agrees too.
"""

import math
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing.text_terms import Terms
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


@dataclass(frozen=True, kw_only=True)
class TextStep(Terms):
    """Weights of the terms of a text, normalised, one column each.

    ``norm``: ``l1``, ``l2`` or None. ``outputs``: how many columns the product with a linear model's weights
    has, 0 for no product. ``product``: these weights, float64 (terms, outputs), as base64.
    """

    binary: bool
    norm: str | None
    outputs: int = 0
    product: str = ""

    @property
    def width(self) -> int:
        """The number of columns before the product."""
        raise NotImplementedError

    def weights(self, text: str) -> tuple[list[int], list[float]]:
        """Ascending columns of the terms in one text, and their values."""
        raise NotImplementedError

    @cached_property
    def products(self) -> Matrix:
        """The weights of the linear model, (terms, outputs)."""
        return np.frombuffer(b64decode(self.product), np.float64).reshape(-1, self.outputs)

    def apply(self, columns: Sequence[NDArray[Any]]) -> Matrix:
        found = np.zeros((len(columns[0]), self.outputs or self.width))
        for row, text in enumerate(columns[0]):
            indices, weights = self.weights(text)
            if not self.outputs:
                found[row, indices] = weights
            elif indices:  # one after the other, as a product of sparse rows
                terms = np.array(weights)[:, None] * self.products[indices]
                found[row] = np.add.accumulate(terms)[-1]
        return found

    def reach(self, limit: float) -> float:
        """No text of a request has more words than ``limit``."""
        return limit * (float(np.abs(self.products).max(initial=1.0)) if self.outputs else 1.0)

    def _normalised(self, weights: list[float]) -> list[float]:
        length = self._length(weights)
        return [weight / length for weight in weights] if length else weights

    def _length(self, weights: list[float]) -> float:
        if self.norm is None:
            return 0.0
        total = 0.0
        for weight in weights:
            total += abs(weight) if self.norm == "l1" else weight * weight
        return total if self.norm == "l1" else math.sqrt(total)


@dataclass(frozen=True, kw_only=True)
class WordCounts(TextStep):
    """Counts of known terms, weighted: CountVectorizer, TfidfVectorizer.

    ``vocabulary``: terms in column order. ``idf``: weight per column, or None.
    """

    op: ClassVar[str] = "word_counts"
    vocabulary: tuple[str, ...]
    idf: tuple[float, ...] | None
    sublinear: bool

    @cached_property
    def _column_of(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self.vocabulary)}

    @property
    def width(self) -> int:
        return len(self.vocabulary)

    def reach(self, limit: float) -> float:
        return super().reach(limit) * max(map(abs, self.idf or (1.0,)))

    def weights(self, text: str) -> tuple[list[int], list[float]]:
        counts: dict[int, int] = {}
        column_of = self._column_of
        for term in self.of(text):
            if (column := column_of.get(term)) is not None:
                counts[column] = counts.get(column, 0) + 1
        indices = sorted(counts)
        weights = [1.0 if self.binary else float(counts[column]) for column in indices]
        if self.sublinear:
            weights = [math.log(weight) + 1.0 for weight in weights]
        if self.idf is not None:
            weights = [weight * self.idf[column] for weight, column in zip(weights, indices, strict=True)]
        return indices, self._normalised(weights)


@dataclass(frozen=True, kw_only=True)
class WordHashes(TextStep):
    """Counts of terms in the columns that their hashes choose: HashingVectorizer.

    ``columns``: ascending, those of ``hashes`` that the linear model gives any weight, the rows of
    ``products``; without a product all of them are there. ``signed``: half of the terms count negatively.
    """

    op: ClassVar[str] = "word_hashes"
    hashes: int
    signed: bool
    columns: tuple[int, ...] = ()

    @cached_property
    def _place(self) -> dict[int, int]:
        return {column: place for place, column in enumerate(self.columns)}

    @cached_property
    def _hash(self) -> Callable[[str], int]:
        """The 32 signed bits of MurmurHash3, of the library that chose the columns."""
        from sklearn.utils import murmurhash3_32  # nobody else needs it to serve

        return murmurhash3_32  # type: ignore[no-any-return]

    @property
    def width(self) -> int:
        return self.hashes

    def weights(self, text: str) -> tuple[list[int], list[float]]:
        counts: dict[int, float] = {}
        for term, count in Counter(self.of(text)).items():
            code = self._hash(term)
            column = abs(code) % self.hashes
            counts[column] = counts.get(column, 0.0) + (-count if self.signed and code < 0 else count)
        indices = sorted(counts)
        weights = self._normalised([1.0 if self.binary else counts[column] for column in indices])
        if not self.outputs:
            return indices, weights
        place = self._place
        kept = [(place[i], weight) for i, weight in zip(indices, weights, strict=True) if i in place]
        return [i for i, _ in kept], [weight for _, weight in kept]
