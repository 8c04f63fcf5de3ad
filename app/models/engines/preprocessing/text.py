"""scikit-learn's word vectorizers as plain data, without scikit-learn."""

import math
import re
import unicodedata
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
    None. ``analyzer``: terms are sequences of words (``word``), of characters (``char``), or of characters
    within words (``char_wb``). ``accents``: how they are taken off, ``ascii`` or ``unicode``, or None. Sums
    run in scikit-learn's order, by column, so that the last bit agrees too.
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
    analyzer: str = "word"
    accents: str | None = None

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
        for term in TERMS[self.analyzer](self, self._plain(text)):
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

    def _plain(self, text: str) -> str:
        text = text.lower() if self.lowercase else text
        return without_accents(text, self.accents) if self.accents and not text.isascii() else text

    def word_sequences(self, text: str) -> list[str]:
        """The words of a text, and sequences of them."""
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

    def characters(self, text: str) -> list[str]:
        """Sequences of a text's characters."""
        text = _WHITE_SPACES.sub(" ", text)
        return [term for size in self._sizes for term in _windows(text, size)]

    def characters_of_words(self, text: str) -> list[str]:
        """Sequences of characters of single words, each between two blanks; a shorter word counts once."""
        terms = []
        for word in text.split():
            padded = f" {word} "
            for size in self._sizes:
                terms += _windows(padded, size) or [padded]
                if len(padded) <= size:
                    break
        return terms

    @property
    def _sizes(self) -> range:
        return range(self.ngrams[0], self.ngrams[1] + 1)


_WHITE_SPACES = re.compile(r"\s\s+")
TERMS: dict[str, Callable[[WordCounts, str], list[str]]] = {
    "word": WordCounts.word_sequences,
    "char": WordCounts.characters,
    "char_wb": WordCounts.characters_of_words,
}


def _windows(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(len(text) - size + 1)]


def without_accents(text: str, target: str) -> str:
    """The text with its characters decomposed, without what is not ASCII, or without combining characters."""
    decomposed = unicodedata.normalize("NFKD", text)
    if target == "ascii":
        return decomposed.encode("ascii", "ignore").decode("ascii")
    return "".join(character for character in decomposed if not unicodedata.combining(character))
