"""Labelled sentences, none of them twice, in two parts."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from app.models.training.datasets import SEED, DataError
from app.models.training.fitting import TEST_SHARE
from examples.sentiment_analysis.text_cleaner import TextCleaner

BUNDLED = Path(__file__).with_name("data") / "sentences.csv"


@dataclass(frozen=True)
class Split:
    """Texts and labels in two parts that have no sentence in common, not even in other spelling."""

    train_texts: list[str]
    test_texts: list[str]
    train_labels: list[str]
    test_labels: list[str]


def read(path: Path, *, text: str, label: str) -> pd.DataFrame:
    """The columns ``text`` and ``label`` of a CSV file, without rows that lack one of them.

    :raises DataError: if the file cannot be read or has no such columns.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if missing := [column for column in (text, label) if column not in table.columns]:
        raise DataError(f"{path} has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    found = pd.DataFrame({"text": table[text].str.strip(), "label": table[label].str.strip()})
    return found[(found.text != "") & (found.label != "")].reset_index(drop=True)


def without_duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """The first of all sentences that are the same once cleaned."""
    cleaned = pd.Series(TextCleaner().transform(table.text), index=table.index)
    return table[~cleaned.duplicated()].reset_index(drop=True)


def split(table: pd.DataFrame) -> Split:
    """A fifth held out, with the same share of every class.

    :raises DataError: if there is only one class, or one is too small for both parts.
    """
    if table.label.nunique() < 2:
        raise DataError("the labels are all the same: at least two classes are needed")
    try:
        parts = train_test_split(
            table.text, table.label, test_size=TEST_SHARE, stratify=table.label, random_state=SEED
        )
    except ValueError as error:
        raise DataError(f"the sentences cannot be split: {str(error).splitlines()[0]}") from None
    return Split(*(part.tolist() for part in parts))
