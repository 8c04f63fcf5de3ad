"""What an error costs and says is bounded, whatever a caller makes up."""

import json
from difflib import SequenceMatcher

import pytest

from app.exceptions import InvalidInput
from app.models.schema.cells import LONGEST_SHOWN
from app.models.schema.signature import Feature, InputSignature
from app.models.schema.validation import validate_rows

WIDE = InputSignature(tuple(Feature(f"column number {i:04d}", "number") for i in range(2_000)), "array")
CITIES = tuple(f"city number {i:03d}" for i in range(1_000))
LABELS = InputSignature((Feature("city", "category", categories=CITIES, open=False),), "frame")


@pytest.fixture
def comparisons(monkeypatch):
    """How many pairs of words were compared."""
    compared = []
    known = SequenceMatcher.set_seq1

    def set_seq1(self, word):
        if word:  # it begins with an empty one
            compared.append(word)
        return known(self, word)

    monkeypatch.setattr(SequenceMatcher, "set_seq1", set_seq1)
    return compared


def errors(rows, signature):
    with pytest.raises(InvalidInput) as caught:
        validate_rows(rows, signature)
    return caught.value.details["errors"]


def test_a_hundred_unknown_names_are_compared_with_few_of_thousands_of_columns(comparisons):
    found = errors([{f"column number x{i:03d}": 1.0 for i in range(100)}], WIDE)
    assert len(found) == 100
    assert sum("did you mean" in error["reason"] for error in found) == 3
    assert len(comparisons) <= 600


def test_a_hundred_unknown_categories_are_compared_with_few_of_a_thousand(comparisons):
    found = errors([[f"city number x{i:02d}"] for i in range(100)], LABELS)
    assert sum("did you mean" in error["reason"] for error in found) == 3
    assert len(comparisons) <= 600


def test_name_of_another_length_is_compared_with_none(comparisons):
    (error, *_) = errors([{"x": 1.0}], WIDE)
    assert error["reason"] == "unknown feature"
    assert comparisons == []


@pytest.mark.parametrize("length", [100, 9_900_000])
def test_long_name_is_cut_in_the_error(length):
    (error, *_) = errors([{"n" * length: 1.0}], WIDE)
    assert error["name"] == "n" * LONGEST_SHOWN + "…"
    assert len(json.dumps(error)) < 300
