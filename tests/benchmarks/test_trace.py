import json

from click.testing import CliRunner

from benchmarks.trace import main
from tests.settings import ROOT


def test_trace_counts_the_projects_functions_that_a_prediction_calls():
    result = CliRunner().invoke(main, ["--json"])
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
