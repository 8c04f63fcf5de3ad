"""What the compiled engines have in common: prepared rows in, raw output out, and how to read that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing import Preprocessor
from app.models.predictions import Outcome
from app.models.rows import Matrix, Rows, take

# Prepared at once; bounds the memory of wide rows, such as texts.
MAX_ROWS = 1_000

Reading = Literal["probabilities", "positive_probability", "scores", "values"]


@dataclass(frozen=True)
class KernelSpec:
    """How to call a kernel and how to read what it returns; plain JSON beside the compiled file.

    ``file``: the compiled estimator's file in the version. ``dtype``: of its input. ``rounded``: the
    input is rounded to float32 first, as scikit-learn's forests do. ``output``: position of the output
    to read. ``reading``: what that output is; the label is the class of the highest probability or
    score, or, where there is one score, the second class if it is positive. ``whole``: the kernel is the
    whole pipeline, and takes rows as they come.
    """

    file: str
    dtype: Literal["float32", "float64"]
    rounded: bool
    reading: Reading
    output: int = 0
    whole: bool = False

    def prepare(self, matrix: Matrix) -> NDArray[Any]:
        """The rows as the kernel takes them."""
        if self.rounded:
            return matrix.astype(np.float32).astype(self.dtype)
        return np.ascontiguousarray(matrix, dtype=self.dtype)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "KernelSpec":
        """Inverse of `to_dict`."""
        return cls(**data)


class Kernel(Protocol):
    """A compiled estimator."""

    name: str

    def predict(self, matrix: Matrix) -> Outcome:
        """Outcome of n prepared rows, float64 (n, width)."""


class CompiledEngine:
    """A preprocessor of plain numbers, then a compiled estimator. Needs no scikit-learn."""

    def __init__(self, preprocessor: Preprocessor, kernel: Kernel) -> None:
        self.name = kernel.name
        self._prepare = preprocessor.apply
        self._predict = kernel.predict

    def predict(self, rows: Rows) -> Outcome:
        """Predict rows that conform to the model's input signature."""
        if len(rows) <= MAX_ROWS:
            return self._predict(self._prepare(rows))
        starts = range(0, len(rows), MAX_ROWS)
        parts = [self.predict(take(rows, range(len(rows))[start : start + MAX_ROWS])) for start in starts]
        values, probabilities = zip(*parts, strict=True)
        has_probabilities = parts[0].probabilities is not None
        return Outcome(np.concatenate(values), np.concatenate(probabilities) if has_probabilities else None)


def outcome_of(raw: NDArray[Any], spec: KernelSpec) -> Outcome:
    """Read a kernel's raw output."""
    if spec.reading == "values":
        values = raw.astype(np.float64)
        return Outcome(values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values, None)
    if spec.reading == "scores":
        scores = raw.reshape(len(raw), -1)
        codes = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(np.intp)
        return Outcome(codes, None)
    probabilities = raw.astype(np.float64)
    if spec.reading == "positive_probability":
        positive = probabilities.ravel()
        probabilities = np.column_stack((1.0 - positive, positive))
    return Outcome(probabilities.argmax(axis=1), probabilities)


def load_kernel(engine: str, content: bytes, spec: KernelSpec) -> Kernel:
    """The compiled estimator, ready to predict.

    :raises ImportError: if the engine's runtime is not installed.
    """
    if engine == "onnx":
        from app.models.engines.onnx_engine import OnnxKernel

        return OnnxKernel(content, spec)
    from app.models.engines.treelite_engine import TreeliteKernel

    return TreeliteKernel(content, spec)
