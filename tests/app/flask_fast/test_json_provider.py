import numpy as np
import pytest


def test_numpy_numbers_are_written_as_json(empty_app):
    assert empty_app.json.dumps({"value": np.array([1.5, 2.5])}) == '{"value":[1.5,2.5]}'


def test_nan_is_never_read_nor_written(empty_app):
    with pytest.raises(ValueError, match="unexpected character"):
        empty_app.json.loads('{"value": NaN}')
    assert "NaN" not in empty_app.json.dumps({"value": float("nan")})
