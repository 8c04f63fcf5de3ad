"""Medians, void rows, ratios and the results file."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.budgets import evaluate
from benchmarks.load import Load
from benchmarks.measure import figures_of
from benchmarks.results import Figures, Report, Row, Run, newest, summarise

FIGURES = Figures(
    requests_per_second=100.0,
    p50_ms=1.0,
    p99_ms=2.0,
    cpu_us_per_request=300.0,
    worker_mb=50.0,
    startup_s=1.0,
)
LOAD = Load(seconds=2.0, requests=100, failures=0, p50_ms=1.0, p99_ms=2.0)


def run_of(rate: float, *, round_: int = 1, peer: str = "service") -> Run:
    return Run(peer, "rf100", 1, round_, figures=replace(FIGURES, requests_per_second=rate))


def row_of(peer: str, rate: float, *, model: str = "rf100", rows: int = 1) -> Row:
    return Row(peer, model, rows, replace(FIGURES, requests_per_second=rate), None)


def test_a_row_is_the_median_of_its_rounds() -> None:
    (row,) = summarise(run_of(rate, round_=n) for n, rate in enumerate((30.0, 10.0, 20.0)))
    assert row.figures == replace(FIGURES, requests_per_second=20.0)


def test_one_void_round_voids_the_row() -> None:
    void = Run("service", "rf100", 1, 2, void="answered 500")
    (row,) = summarise([run_of(10), void])
    assert (row.figures, row.void) == (None, "answered 500")


def test_servers_are_summarised_apart() -> None:
    assert len(summarise([run_of(10), run_of(20, peer="mlflow")])) == 2


def test_cpu_time_is_shared_out_over_the_requests() -> None:
    figures = figures_of(LOAD, cpu_s=0.05, worker_mb=40, startup_s=2)
    assert isinstance(figures, Figures)
    assert figures.cpu_us_per_request == 500
    assert figures.requests_per_second == 50


def test_one_failure_voids_a_run() -> None:
    outcome = figures_of(replace(LOAD, failures=1), cpu_s=1, worker_mb=1, startup_s=1)
    assert outcome == "1 of 100 answers were not 2xx"


def test_a_run_without_answers_is_void() -> None:
    assert figures_of(replace(LOAD, requests=0), cpu_s=1, worker_mb=1, startup_s=1) == ("no answer in time")


def test_a_budget_is_a_ratio_to_the_best_of_those_named() -> None:
    rows = [row_of("service", 320), row_of("mlflow", 10), row_of("litserve", 20)]
    (result,) = (v for v in evaluate(rows) if v.what == "litserve")
    assert (result.value, result.limit, result.met) == (16, 15, True)


@pytest.mark.parametrize(("rate", "met"), [(89.0, False), (90.0, True)])
def test_a_ratio_must_reach_its_limit(rate: float, *, met: bool) -> None:
    results = evaluate([row_of("service", rate), row_of("fastapi_onnx", 100)])
    assert [v.met for v in results if v.what == "fastapi_onnx"] == [met]


def test_memory_and_start_have_a_ceiling() -> None:
    results = {v.what: v for v in evaluate([row_of("service", 1)])}
    assert results["worker_mb"].met
    assert results["startup_s"].met


def test_a_void_row_gives_no_verdict() -> None:
    assert evaluate([Row("service", "rf100", 1, None, "answered 500"), row_of("mlflow", 1)]) == []


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    runs = [run_of(10), Run("mlflow", "rf100", 1, 1, void="answered 500")]
    report = Report({"date": "2026-01-01"}, summarise(runs), runs)
    file = tmp_path / "2026-01-01.json"
    report.save(file, budgets=[])
    assert Report.read(file) == report
    assert newest(tmp_path) == file
