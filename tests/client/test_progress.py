import sys

import pytest

from model_service_client.scoring.progress import progress


@pytest.mark.parametrize("installed", ["rich", "tqdm", "neither"])
def test_progress_is_shown_on_a_terminal_alone(monkeypatch, capsys, installed):
    for library in {"rich.console", "tqdm"} - {f"{installed}.console", installed}:
        monkeypatch.setitem(sys.modules, library, None)
    if installed == "tqdm":
        pytest.importorskip("tqdm")
    with progress("rows.csv") as update:
        update(5, 0.5)
    assert capsys.readouterr().err == ""
    with progress("rows.csv", shown=True) as update:
        update(5, 0.5)
        update(10, 1.0)
    shown = capsys.readouterr()
    assert "rows.csv" in shown.err
    assert shown.out == ""
