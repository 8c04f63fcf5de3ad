"""Comparisons of the service through a dialect with that dialect's own server."""

from pathlib import Path

from rich.console import Console

from benchmarks.dialects import COMPARISONS, compared, drawn, plans
from benchmarks.results import Figures, Row


def row(peer: str, model: str, rows: int, speed: float | None) -> Row:
    figures = None if speed is None else Figures(speed, 1, 1, 1, 1, 1)
    return Row(peer, model, rows, figures, "answered 404" if speed is None else None)


def medians(**speeds: float | None) -> list[Row]:
    pairs = ((each, peer) for each in COMPARISONS for peer in (each.service, each.other))
    return [row(peer.name, each.model, each.rows, speeds.get(peer.name, 100.0)) for each, peer in pairs]


def test_speeds_are_compared_as_ratios() -> None:
    found = compared(medians(service_v2=300.0, mlserver=50.0))
    assert (found[0]["ratio"], found[0]["limit"], found[0]["void"]) == (6, 5, [])


def test_server_that_does_not_answer_gives_no_ratio_but_a_reason() -> None:
    found = compared(medians(service_v1=None))
    (voided,) = [each for each in found if each["ratio"] is None]
    assert voided["void"] == ["service_v1: answered 404"]
    console = Console(width=200, record=True)
    console.print(drawn(found))
    assert "service_v1: answered 404" in console.export_text()


def test_servers_that_are_compared_take_turns_in_one_run(tmp_path: Path) -> None:
    found = list(plans(tmp_path, rounds=1, seconds=1.0, workers=1))
    for each in COMPARISONS:
        (plan,) = [plan for plan in found if plan.models[0].name == each.model and plan.rows == (each.rows,)]
        assert [plan.peers.count(peer) for peer in (each.service, each.other)] == [1, 1]
