"""Documents of JSON: their tokens and integers, read as all dialects read them."""

import pytest

from app.api.dialects import error_sentence
from app.api.dialects.json_documents import decoded
from app.api.formats.json_codec import RoundedInteger
from app.exceptions import InvalidInput


def read(text, *, tokens=True):
    return decoded(text.encode(), lambda document: document, None, tokens=tokens)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ('{"a": [NaN, -NaN, 1]}', {"a": [None, None, 1]}),
        ('["NaN", "a \\" NaN", NaN]', ["NaN", 'a " NaN', None]),
        ("[Infinity,-Infinity,NaN]", [float("inf"), float("-inf"), None]),
        ('{"Infinity": -Infinity}', {"Infinity": float("-inf")}),
        ("NaN", None),
    ],
)
def test_tokens_are_null_or_no_finite_number_and_texts_stay(text, document):
    assert read(text) == document


@pytest.mark.parametrize(
    "text",
    [
        *("[xNaN]", "[NaNs]", "[1.NaN]", "[1e-NaN]", "[1-NaN]", "[--NaN]", "[nan]", "{NaN: 1}", "[NaN 1]"),
        *("[+Infinity]", "[1.Infinity]", "[5e+Infinity]", "[Infinity.5]", "[Infinity, 1e400]"),
        *('["NaN]', "[NaN"),
    ],
)
def test_what_only_looks_like_a_token_is_malformed(text):
    with pytest.raises(InvalidInput, match="not valid JSON"):
        read(text)


def test_what_is_malformed_beside_tokens_is_named_where_the_client_wrote_it():
    with pytest.raises(InvalidInput) as caught:
        read('{"instances": [NaN, Infinity, x]}')
    (error,) = caught.value.details["errors"]
    assert (error["line"], error["column"]) == (1, 31)


def test_tokens_are_malformed_where_a_protocol_has_none():
    with pytest.raises(InvalidInput, match="not valid JSON"):
        read("[NaN]", tokens=False)


@pytest.mark.parametrize("text", ["[18446744073709551617]", "[NaN, 18446744073709551617]"])
def test_a_rounded_integer_is_read_again_as_it_is(text):
    def build(document):
        if isinstance(document[-1], float):
            raise RoundedInteger
        return document[-1]

    assert decoded(text.encode(), build, None, tokens=True) == 2**64 + 1


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [
        ([], "Wrong"),
        ([{"reason": "is bad"}], "Wrong: is bad"),
        ([{"line": 1, "column": 2, "reason": "r"}], "Wrong: line 1, column 2: r"),
        ([{"field": "f", "row": 0, "position": 0, "reason": "r"}], "Wrong: f, row 0, column 0: r"),
        ([{"field": "f", "position": 1, "name": "age", "reason": "r"}], "Wrong: f, column 'age': r"),
        ([{"reason": "r"}] * 5, "Wrong: r; r; r; and 2 more"),
    ],
)
def test_an_error_is_one_sentence(errors, sentence):
    assert error_sentence({"error": "Wrong", "details": {"errors": errors}}) == sentence
