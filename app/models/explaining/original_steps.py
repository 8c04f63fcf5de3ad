"""The fitted transformers before the final estimator, applied one after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.models.compilation.transformers.linear_texts import Product
from app.models.schema.model_input import restore
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature


def transformed(rows: Rows, signature: InputSignature, transformers: Sequence[Any]) -> Any:
    """Rows as the final estimator takes them: an array or data frame (n, columns), or a sparse matrix."""
    data = restore(rows, signature)
    for transformer in transformers:
        is_product = isinstance(transformer, Product)
        data = data @ transformer.weights.T if is_product else transformer.transform(data)
    return data


def as_matrix(data: Any) -> Any:
    """Transformed rows as float64 (n, columns), or sparse."""
    return data if hasattr(data, "toarray") else np.asarray(data, dtype=np.float64)
