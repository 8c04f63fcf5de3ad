"""The notebook runs from its first cell to its last, and has its outputs beside the cells."""

from tempfile import gettempdir

import pytest

from tests.examples.quickstart import NOTEBOOK, executed, stored
from tests.settings import ROOT

PRINTED = {
    "certified": "'certified': True",
    "explained": "high log_odds",
    "service": "'confidence'",
    "ended": "ended with 0",
}


def outputs(notebook):
    """All texts that the cells printed or returned."""
    return "\n".join(
        str(output.get("text") or output["data"]["text/plain"])
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )


@pytest.mark.server
def test_every_cell_runs_and_prints_what_it_is_there_for():
    printed = outputs(executed())
    assert [name for name, text in PRINTED.items() if text not in printed] == []


def test_outputs_are_stored_in_the_order_of_the_cells():
    cells = [cell for cell in stored().cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert len([cell for cell in cells if cell.outputs]) > len(cells) - 3
    assert [name for name, text in PRINTED.items() if text not in outputs(stored())] == []


def test_no_stored_output_is_an_error_or_names_a_folder_of_a_machine():
    kinds = {output.output_type for cell in stored().cells for output in cell.get("outputs", ())}
    assert kinds <= {"stream", "execute_result", "display_data"}
    assert gettempdir() not in NOTEBOOK.read_text()
    assert str(ROOT) not in NOTEBOOK.read_text()
