"""Cache keys: digests of all that an answer depends on: artifact, engine, method, and a row's bytes."""

import json
import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgpack
import numpy as np

from app.models.loading.loader import LoadedVersion
from app.models.schema.rows import Rows, Table

FORMAT = 1  # of keys and of stored values; a new format never reads entries of an older one
METHOD = "predict"  # the only method: labels or values, and probabilities where the model has them
DIGEST_SIZE = 32


class CacheKeyBuilder:
    """Makes the keys of one model on one engine; of a request only the validated rows get in.

    Two versions share keys only if all their files and the way of calling them are the same, and then
    their answers are the same too.
    """

    def __init__(self, model: LoadedVersion, engine: str) -> None:
        metadata = model.metadata
        certificate = metadata.get("certificates", {}).get(engine, {})
        identity = {
            "format": FORMAT,
            "files": {name: recorded["sha256"] for name, recorded in metadata["files"].items()},
            "engine": engine,
            "method": [METHOD, certificate.get("kernel"), certificate.get("single_call")],
            "input": [model.signature.layout, [(f.name, f.dtype, f.none) for f in model.signature.features]],
            "output": metadata["output"],
        }
        content = json.dumps(identity, sort_keys=True).encode()
        self._prefix = blake2b(content, digest_size=DIGEST_SIZE).digest()
        self.engine_us: float = certificate.get("median_us", {}).get("1", math.inf)

    def keys(self, rows: Rows) -> list[bytes]:
        """One key of 32 bytes for each of the `canonical` rows."""
        contents = _table_bytes(rows) if isinstance(rows, Table) else _matrix_bytes(rows)
        return [blake2b(self._prefix + content, digest_size=DIGEST_SIZE).digest() for content in contents]


def canonical(rows: Rows, *, nullable: bool) -> Rows:
    """The rows as they are keyed and computed: float64, and every missing number the same NaN.

    0.0 and -0.0 stay two values, because a model can tell them apart (one divided by them, their sign).

    :param nullable: whether any column may be missing; otherwise validation has rejected NaN.
    """
    if isinstance(rows, Table):
        return rows  # its keys are made of None wherever a value is missing
    rows = np.asarray(rows, dtype=np.float64)
    return np.where(np.isnan(rows), np.nan, rows) if nullable else rows


def _matrix_bytes(matrix: Any) -> Sequence[bytes]:
    content: bytes = matrix.tobytes()  # row by row, whatever the order in memory
    width = 8 * matrix.shape[1]
    return [content[start : start + width] for start in range(0, len(content), width)]


def _table_bytes(table: Table) -> Sequence[bytes]:
    pack = msgpack.Packer(default=_beyond_msgpack, unicode_errors="surrogatepass").pack
    return [pack(row) for row in table.to_lists()]


def _beyond_msgpack(value: Any) -> list[str]:
    """An integer of more than 64 bits; no cell is a list, so it cannot be taken for another value."""
    return [type(value).__name__, repr(value)]
