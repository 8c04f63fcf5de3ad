"""A short form of the matrix: small models of one's own kinds; the drills try more."""

import pytest

from tests.conformance import matrix
from tests.conformance.check import assert_served
from tests.conformance.objects import refused, served

OWN = tuple(case.name for case in (*served(), *refused()))


@pytest.mark.usefixtures("_boundary_is_found_exactly")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OWN)
def test_what_is_served_is_what_the_model_answers(name, tmp_path):
    assert_served(matrix.cases()[name], tmp_path / "models")


def test_matrix_has_three_hundred_models():
    assert len(matrix.cases()) >= 300


def test_page_has_a_place_for_the_table():
    page = matrix.PAGE.read_text()
    assert page.count(matrix.START) == page.count(matrix.END) == 1
