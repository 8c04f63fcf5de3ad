"""The text cleaning inside the pipeline: what is trained is what is served."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from app.models.engines.preprocessing.text import Substitute

# Every pattern takes time in proportion to the text, whatever is sent.
NOISE = ((r"https?://\S+|www\.\S+", " "), (r"[@#]\w+", " "))
CONTRACTIONS = ((r"n[’']t\b", " not"),)
PUNCTUATION = ((r"[^\w\s]|_", " "), (r"\s+", " "))
# Of words of five letters and more; the letters are counted last, which is twice as fast.
STEMS = ((r"(?:ings?|ed|ly|es|s)\b(?<=\w\w\w\w\w)", ""),)
# Behind a negation the next word that means something is counted as a term of its own, "not_good".
FILLERS = "a|an|the|any|very|so|as|too|be|been|real"
NEGATIONS = ((rf"\b(not|no|never|without|hard|nor) (?:(?:{FILLERS}) )*(\w+)", r"\1 \2 not_\2"),)


class TextCleaner(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Lower case; URLs, @mentions, #tags, punctuation and surplus white space removed.

    Its pickle names this module, so the module stays where it is.

    :param stems: cut off common endings, so that "bores" and "bored" count as one.
    :param negations: spell out "n't", and mark the word that is negated.
    """

    def __init__(self, *, stems: bool = True, negations: bool = True) -> None:
        self.stems = stems
        self.negations = negations

    def fit(self, texts: Iterable[str], labels: Any = None) -> Self:
        """There is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, texts: Iterable[str]) -> NDArray[Any]:
        """Clean each text; object array (n,)."""
        rules = Substitute(**self.substitutions())
        return np.array([rules.clean(text) for text in texts], dtype=object)

    def substitutions(self) -> dict[str, Any]:
        """What it does as plain rules, from which the service compiles it."""
        rules = (
            *NOISE,
            *(CONTRACTIONS if self.negations else ()),
            *PUNCTUATION,
            *(STEMS if self.stems else ()),
            *(NEGATIONS if self.negations else ()),
        )
        return {"lowercase": True, "rules": rules}
