"""What everything on costs, in time and in calls of the project's functions."""

import json

import pytest
from click.testing import CliRunner

from benchmarks import client_cost, overhead, trace
from tests.settings import ROOT

pytestmark = pytest.mark.drill


def test_overhead_is_what_everything_on_takes_more_than_everything_off():
    result = CliRunner().invoke(overhead.main, ["--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["everything on"]["best_us"] > 0
    assert found["everything off"]["best_us"] > 0
    difference = found["everything on"]["best_us"] - found["everything off"]["best_us"]
    assert found["added"]["best_us"] == difference


def test_trace_counts_the_projects_functions_that_a_prediction_calls():
    result = CliRunner().invoke(trace.main, ["--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    functions = found["functions"]
    assert functions["app/api/predictions.py"]["predict"] == 1
    assert {"app/middleware/rate_limit/rate_limiter.py", "app/models/serving/served_model.py"} <= set(
        functions
    )
    assert all((ROOT / file).is_file() for file in functions)
    assert not [file for file in functions if file.startswith((".", "benchmarks"))]
    assert found["files"] == len(functions)
    assert found["calls"] == sum(number for counted in functions.values() for number in counted.values())
    assert found["calls"] <= 85
    assert found["files"] <= 28


def test_client_adds_little_to_what_urllib3_takes_for_the_same_row(monkeypatch, figure):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "client"))  # of the server, which is a process of its own
    result = CliRunner().invoke(client_cost.main, ["--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    total, theirs = found["this client"], found["urllib3"]
    what = "one row: CPU of the Python client, and of urllib3 alone for the same request"
    figure("client", what, f"{total:.1f} µs and {theirs:.1f} µs", "60 µs more")
    assert 0 < total - theirs <= 60
