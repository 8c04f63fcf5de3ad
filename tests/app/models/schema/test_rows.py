"""Rows of either form by their positions."""

import numpy as np
import pytest

from app.models.schema.rows import Table, take

NUMBERS = np.arange(20.0).reshape(10, 2)
TABLE = Table(("a", "b"), (NUMBERS[:, 0], NUMBERS[:, 1].astype(object)))


@pytest.mark.parametrize("positions", [range(2, 5), range(0, 9, 3), range(5, 2, -1), [7, 0, 7], range(0)])
def test_rows_are_selected_in_the_given_order(positions):
    wanted = NUMBERS[list(positions)].tolist()
    assert take(NUMBERS, positions).tolist() == wanted
    assert take(TABLE, positions).to_lists() == wanted
