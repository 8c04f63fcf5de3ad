from dataclasses import replace

import pytest

from benchmarks import page
from benchmarks.results import Report, Row
from tests.benchmarks.test_results import FIGURES, row_of

ABOUT = {
    "date": "2026-11-24T05:18:14+00:00",
    "machine": {"cores": 2, "processor": "a processor", "python": "3.11"},
    "settings": {"workers": 2, "connections": 16, "load": "wrk", "rounds": 3, "seconds": 5.0},
}


@pytest.fixture
def written(tmp_path):
    """The page after results of two servers were written into it, twice."""
    file, document = tmp_path / "results" / "today.json", tmp_path / "docs" / "performance.md"
    document.parent.mkdir()
    document.write_text(f"before\n{page.START}\nold figures\n{page.END}\nafter\n")
    slow = Row("mlflow", "rf100", 1, replace(FIGURES, requests_per_second=90.0), None)
    void = Row("bentoml", "rf100", 1, None, "answered 500")
    report = Report(ABOUT, [slow, void, row_of("service", 9000.0)], [])
    for _ in range(2):
        page.write(report, file, document)
    return document.read_text()


def test_page_keeps_what_is_around_the_results(written):
    assert written.startswith(f"before\n{page.START}\n")
    assert written.endswith(f"{page.END}\nafter\n")
    assert "old figures" not in written


def test_page_has_the_fastest_first_and_why_a_row_is_void(written):
    rows = [line for line in written.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[:2] for row in rows[1:4]] == [
        ["| this service, gunicorn", "9,000"],
        ["| MLflow", "90.0"],
        ["| BentoML", "answered 500 |"],
    ]


def test_page_judges_the_budgets_and_shows_the_picture(written):
    assert "| rf100, 1 | MLflow | × 100 | ≥ 15 | met |" in written
    assert "](../results/today.png)" in written
