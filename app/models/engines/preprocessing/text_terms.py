"""The terms of a text as scikit-learn's vectorizers find them: words, characters, and sequences of these."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a text is taken apart.

    ``analyzer``: terms are sequences of words (``word``), of characters (``char``), or of characters within
    words (``char_wb``). ``accents``: how they are taken off, ``ascii`` or ``unicode``, or None.
    """

    token_pattern: str
    lowercase: bool
    stop_words: tuple[str, ...]
    ngrams: tuple[int, int]
    analyzer: str = "word"
    accents: str | None = None

    def of(self, text: str) -> list[str]:
        """The terms of one text in order, each as often as it occurs."""
        return ANALYZERS[self.analyzer](self, self._plain(text))

    @cached_property
    def _stop_words(self) -> frozenset[str]:
        return frozenset(self.stop_words)

    @cached_property
    def _tokens(self) -> Callable[[str], list[str]]:
        return re.compile(self.token_pattern).findall

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
ANALYZERS: dict[str, Callable[[Terms, str], list[str]]] = {
    "word": Terms.word_sequences,
    "char": Terms.characters,
    "char_wb": Terms.characters_of_words,
}


def _windows(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(len(text) - size + 1)]


def without_accents(text: str, target: str) -> str:
    """The text with its characters decomposed, without what is not ASCII, or without combining characters."""
    decomposed = unicodedata.normalize("NFKD", text)
    if target == "ascii":
        return decomposed.encode("ascii", "ignore").decode("ascii")
    return "".join(character for character in decomposed if not unicodedata.combining(character))
