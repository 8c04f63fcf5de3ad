"""How far two answers are apart, from equal over roundings to another label."""

import sys

import numpy as np
import pytest

from app.cli.replay.row_comparison import compare, is_float32


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (0.5, 0.5, "equal"),
        (1, 1.0, "equal"),
        ([1], 1, "equal"),
        (None, float("nan"), "equal"),
        ("large", "large", "equal"),
        ({"a": 1}, {"a": 1, "confidence": 0.9}, "equal"),
        ([], [], "equal"),
        (0.123456789012345, 0.123456789012346, "within_1e-9"),
        (0.1234567890123, 0.1234568, "within_1e-6"),
        (0.1234567890123, 0.1235, "within_1e-3"),
        (0.1234567890123, 0.2, "more"),
        (123456789.25, 123456789.26, "within_1e-9"),
        (float("inf"), 1.5, "more"),
        ([0.1234567890123, 0.5], [0.1235, 0.5], "within_1e-3"),
        ({"p": {"a": 0.1234567890123}}, {"p": {"a": 0.2}}, "more"),
        (0, 1, "other_label"),
        (0.0, 1.0, "other_label"),
        (10**400, 1.5, "other_label"),
        ("large", "small", "other_label"),
        (True, 1, "other_label"),
        (1, "1", "other_label"),
        (None, 0.5, "other_label"),
        ([0.123, 1], [0.456, 0], "other_label"),
        ([1, 2], [1, 2, 3], "other_form"),
        ([1, 2], 1, "other_form"),
        ({"a": 1}, {"b": 1}, "other_form"),
        ({"a": 1}, 1, "other_form"),
    ],
)
def test_kind_of_a_difference(old, new, kind):
    assert compare(old, new).kind == kind


@pytest.mark.parametrize("number", [0.1, 2 / 3, 123456.789, 1e-5 / 3, 98765432.1])
def test_rounding_to_single_precision_is_no_difference_that_counts(number):
    as_double, shortest = float(np.float32(number)), float(str(np.float32(number)))
    for old in (as_double, shortest):
        assert compare(old, number).kind in {"equal", "within_1e-9", "float32_rounding"}
    assert compare(number + 2e-3 * max(1, number), number).kind == "more"


def test_double_that_is_as_near_is_not_taken_for_single_precision():
    assert compare(123456.7891234567, 123456.7811234567).kind == "within_1e-6"
    assert compare(0.1234567890123 + 5e-8, 0.1234567890123).kind == "within_1e-6"


@pytest.mark.parametrize(("number", "single"), [(0.1, True), (1e300, False), (0.1234567890123, False)])
def test_single_precision_shows_in_the_digits(number, single):
    assert is_float32(number) is single
    assert is_float32(float(np.float32(0.1)))


def test_size_is_absolute_up_to_one_and_relative_beyond():
    assert compare(0.25, 0.5).size == 0.25
    assert compare(100.5, 200.5).size == pytest.approx(100 / 200.5)
    assert compare(float("inf"), 1.5).size == sys.float_info.max
