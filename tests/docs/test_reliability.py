"""docs/reliability.md names every drill, and has a place for their figures."""

import pytest

from tests.drills.figures import END, START
from tests.settings import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "tests" / "drills").glob("test_*.py")))
def test_every_drill_is_on_the_page(name):
    assert f"| `{name}` |" in PAGE


def test_page_has_a_place_for_the_figures():
    assert PAGE.count(START) == PAGE.count(END) == 1
    assert PAGE.index(START) < PAGE.index(END)
