"""``python -m benchmarks run`` measures a server, saves the figures, and shows them."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main

pytestmark = pytest.mark.drill


def test_the_figures_of_a_run_are_saved_with_its_budgets(tmp_path):
    where = ["--cache", str(tmp_path / "cache"), "--results", str(tmp_path)]
    what = ["--peers", "service", "--models", "rf100", "--rows", "1", "--load", "client"]
    short = ["--rounds", "1", "--seconds", "0.5", "--warm-up", "0.1", "--connections", "2", "--workers", "1"]
    result = CliRunner().invoke(main, ["run", *where, *what, *short])
    assert result.exit_code == 0, result.output
    (file,) = tmp_path.glob("*.json")
    saved = json.loads(file.read_text())
    assert saved["medians"][0]["figures"]["requests_per_second"] > 0
    assert {budget["what"] for budget in saved["budgets"]} == {"worker_mb", "startup_s"}
    assert list(tmp_path.glob("*.png"))
