"""NumPy's file format: one array, without pickles."""

from io import BytesIO

import numpy as np

from app.api.formats.decoding import Decoding, check_rows
from app.api.formats.results import output_array
from app.exceptions import InvalidInput
from app.models.prediction import Prediction
from app.models.schema.column_arrays import Columns
from app.models.serving.further_outputs import own_outputs

MALFORMED = "The body is not valid npy"
LONGEST_HEADER = 10_000


def decode(raw: bytes, decoding: Decoding) -> Columns:
    """An array of numbers or truth values, (n, d) in training order, or (n,) for a model of one column."""
    file = BytesIO(raw)
    try:
        array = np.lib.format.read_array(file, allow_pickle=False, max_header_size=LONGEST_HEADER)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        reason = "it holds objects" if "allow_pickle" in str(error) else "its header or its data is cut off"
        raise InvalidInput([{"reason": reason}], message=MALFORMED) from None
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        reason = f"must be an array of numbers with rows and columns, not {array.dtype} {array.shape}"
        raise InvalidInput([{"reason": reason}])
    check_rows(len(array))
    return Columns(None, tuple(array.reshape(len(array), -1).T))


def encode(prediction: Prediction, outputs: tuple[str, ...]) -> bytes:
    """The one output, as an array; texts have a fixed length."""
    names = outputs or own_outputs(prediction.model)[:1]
    if len(names) > 1:
        reason = f"npy holds one array: ask for one of {', '.join(names)}"
        raise InvalidInput([{"field": "outputs", "reason": reason}])
    array = output_array(prediction, names[0])
    file = BytesIO()
    np.lib.format.write_array(file, array.astype(str) if array.dtype == object else array, allow_pickle=False)
    return file.getvalue()
