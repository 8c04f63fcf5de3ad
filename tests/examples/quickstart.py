"""The notebook with what its cells print; ``python -m tests.examples.quickstart`` stores that in the file."""

import nbformat
from nbclient import NotebookClient

from tests.services import PATIENCE
from tests.settings import ROOT

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


def stored() -> nbformat.NotebookNode:
    """The notebook as it is."""
    return nbformat.read(NOTEBOOK, as_version=4)


def executed() -> nbformat.NotebookNode:
    """The notebook, executed from its own folder.

    :raises CellExecutionError: if a cell fails.
    """
    notebook = stored()
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=2 * PATIENCE,
        record_timing=False,
        shutdown_kernel="immediate",  # with the server that a cell started, if a later one fails
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    client.execute()
    # What differs from machine to machine.
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
