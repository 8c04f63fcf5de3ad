"""The matrix and its page; the drills try its models."""

from tests.conformance import matrix


def test_matrix_has_three_hundred_models():
    assert len(matrix.cases()) >= 300


def test_page_has_a_place_for_the_table():
    page = matrix.PAGE.read_text()
    assert page.count(matrix.START) == page.count(matrix.END) == 1
