"""The command ``model-client score``."""

import json
import re
import subprocess
import sys

import pytest

from model_service_client.command import main
from tests.client.fake_service import error
from tests.client.test_scoring import ROWS, files
from tests.estimators import SumRegressor, fitted
from tests.settings import ROOT


@pytest.fixture
def run(serve_over_http, monkeypatch, capsys):
    """Run the command in this process; returns its exit status and what it printed."""
    served = serve_over_http(fitted(SumRegressor()), version="v1")
    monkeypatch.setenv("MODEL_SERVICE_URL", served.url)

    def run(*arguments):
        capsys.readouterr()
        status = main(["score", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_status_is_0_if_every_row_was_predicted(run, tmp_path):
    source, out = files(tmp_path, ".csv")
    status, printed, errors = run(source, out)
    assert (status, errors) == (0, "")
    assert re.fullmatch(r"7 rows, 0 rejected, in [\d.]+ s\n", printed)


def test_status_is_1_if_some_were_rejected(run, tmp_path):
    source, out = files(tmp_path, ".csv", ROWS.assign(width=[None] * 6 + [0]))
    status, printed, _ = run(source, out, "--json", "--rows", 2, "--requests", 1, "--prefix", "p_")
    assert status == 1
    summary = json.loads(printed)
    assert (summary["rows"], summary["rejected"], summary["versions"]) == (7, 6, ["v1"])
    assert "p_prediction" in out.read_text()


@pytest.mark.parametrize("name", ["missing.csv", "rows.txt"])
def test_status_is_2_with_a_line_if_nothing_was_written(run, tmp_path, name):
    (tmp_path / "rows.txt").touch()
    status, printed, errors = run(tmp_path / name, tmp_path / f"out{name[-4:]}")
    assert (status, printed) == (2, "")
    assert re.fullmatch(r"model-client: .+\n", errors)


def test_status_is_2_without_an_address(monkeypatch, capsys):
    monkeypatch.delenv("MODEL_SERVICE_URL", raising=False)
    assert main(["score", "a.csv", "b.csv"]) == 2
    assert "--url" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["score"], ["score", "a", "b", "--rows", "0"]])
def test_words_that_are_no_command_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_key_and_token_come_from_the_environment(fake, monkeypatch, tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")
    fake.replies = [error(401, "authentication_error")]
    monkeypatch.setenv("MODEL_SERVICE_API_KEY", "secret")
    monkeypatch.setenv("MODEL_SERVICE_TOKEN", "word")
    assert main(["score", str(tmp_path / "rows.csv"), str(tmp_path / "o.csv"), "--url", fake.url]) == 2
    (request,) = fake.requests
    assert (request.headers["X-API-Key"], request.headers["Authorization"]) == ("secret", "Bearer word")


def test_command_runs_as_a_module():
    ended = subprocess.run(
        [sys.executable, "-m", "model_service_client.command", "--version"],
        env={"PYTHONPATH": str(ROOT / "client")},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (0, "0.1.0\n")
