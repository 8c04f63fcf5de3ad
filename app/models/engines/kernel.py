"""The kernel of a compiled engine: prepared rows in, raw output out, and how to read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pkgutil import resolve_name
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from app.models.engines import ENGINES, compiled_engines
from app.models.engines.output import EngineOutput
from app.models.engines.partial import finite_rows
from app.models.schema.rows import Matrix

Reading = Literal["probabilities", "positive_probability", "scores", "values"]

# Below this distance the order of two sums decides which of two numbers is larger.
TIE: Mapping[str, float] = {"float64": 1e-9, "float32": 1e-4}


@dataclass(frozen=True)
class KernelSpec:
    """How to call a kernel and how to read its raw output; plain JSON in the metadata.

    ``file``: the compiled estimator's file in the version. ``dtype``: of the input. ``rounded``: round the
    input to float32 first, as scikit-learn's forests do. ``output``: position of the output to read.
    ``reading``: the meaning of that output; the label is the class of the highest probability or score, or
    the second class for a single positive score. ``whole``: the kernel replaces the whole pipeline.

    The kernel leaves these rows to the original. ``tie``: rows whose two best classes are no further apart,
    relative to their size for scores; None if the numbers are exact. ``limit``: rows with a number beyond its
    column's magnitude, or beyond the only one. ``nan``: False for prepared rows with NaN.
    """

    file: str
    dtype: Literal["float32", "float64"]
    rounded: bool
    reading: Reading
    output: int = 0
    whole: bool = False
    tie: float | None = None
    limit: tuple[float, ...] = (2.0**53,)
    nan: bool = False

    def prepare(self, matrix: Matrix) -> NDArray[Any]:
        """The kernel's input."""
        if self.rounded:
            return matrix.astype(np.float32).astype(self.dtype)
        return np.ascontiguousarray(matrix, dtype=self.dtype)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "KernelSpec":
        return cls(**{**data, "limit": tuple(data["limit"])})


class Kernel(Protocol):
    """A compiled estimator."""

    name: str
    spec: KernelSpec

    def run(self, matrix: Matrix) -> NDArray[Any]:
        """Raw output for n prepared rows, float64 (n, width)."""


def output_of(raw: NDArray[Any], spec: KernelSpec) -> tuple[EngineOutput, list[int] | None]:
    """Read a kernel's raw output: the output, and the positions of open rows or None."""
    if spec.reading == "values":
        values = raw.astype(np.float64)
        output = EngineOutput(values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values, None)
        return output, _positions(np.logical_not(finite_rows(output)))
    if spec.reading == "scores":
        scores = raw.reshape(len(raw), -1).astype(np.float64)
        if scores.shape[1] == 1:
            scores = np.column_stack((-scores / 2, scores / 2))  # as far apart as the score is from zero
        codes, open_rows = _largest(scores, spec.tie)
        return EngineOutput(codes, None), open_rows
    probabilities = raw.astype(np.float64)
    if spec.reading == "positive_probability":
        positive = probabilities.ravel()
        probabilities = np.column_stack((1.0 - positive, positive))
    codes, open_rows = _largest(probabilities, spec.tie)
    return EngineOutput(codes, probabilities), open_rows


def _largest(numbers: Matrix, tie: float | None) -> tuple[NDArray[np.intp], list[int] | None]:
    """Position of each row's largest number, and the rows with a second one within ``tie`` of it."""
    if len(numbers) == 1:  # lists are faster than arrays
        code = _largest_of(numbers[0].tolist(), tie)
        return np.array([code or 0]), None if code is not None else [0]
    best = numbers.max(axis=1)
    codes = numbers.argmax(axis=1)
    decided = np.isfinite(numbers).all(axis=1)
    if tie is not None:
        near = best - tie * np.maximum(1.0, np.abs(best))
        decided &= (numbers >= near[:, None]).sum(axis=1) == 1
    return codes, _positions(np.logical_not(decided))


def _largest_of(row: list[float], tie: float | None) -> int | None:
    best = max(row)
    if not -np.inf < sum(row) < np.inf:
        return None
    if tie is not None:
        near = best - tie * max(1.0, abs(best))
        if sum([number >= near for number in row]) > 1:
            return None
    return row.index(best)


def _positions(mask: NDArray[Any]) -> list[int] | None:
    return np.flatnonzero(mask).tolist() if mask.any() else None


def load_kernel(engine: str, content: bytes, spec: KernelSpec) -> Kernel:
    """The compiled estimator, ready to predict.

    :raises ImportError: if the engine's runtime is not installed.
    :raises KeyError: if the table has no such engine, or the engine has no kernel.
    """
    if engine not in compiled_engines():
        raise KeyError(engine)
    kernel: Kernel = resolve_name(ENGINES[engine].kernel)(content, spec)
    return kernel
