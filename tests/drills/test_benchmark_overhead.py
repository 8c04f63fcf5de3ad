"""``python -m benchmarks.overhead`` compares everything on with everything off."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.overhead import main

pytestmark = pytest.mark.drill


def test_overhead_is_what_everything_on_takes_more_than_everything_off():
    result = CliRunner().invoke(main, ["--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["everything on"]["best_us"] > 0
    assert found["everything off"]["best_us"] > 0
    difference = found["everything on"]["best_us"] - found["everything off"]["best_us"]
    assert found["added"]["best_us"] == difference
