"""The kernel of a compiled engine: prepared rows in, raw output out, and how to read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from app.models.engines import compiled_engines

Content = bytes | Path  # of a file, or the file
Reading = Literal["probabilities", "positive_probability", "scores", "scored", "values", "labelled"]

# The file of a kernel that is composed of several graphs.
COMPOSED_FILE = "model.composed"
# The file of a kernel for batches.
TREES_FILE = "model.trees"
# Beyond this magnitude every engine leaves rows to the original.
LARGEST = 2.0**53
# Below this distance the order of two sums decides which of two numbers is larger.
TIE: Mapping[str, float] = {"float64": 1e-9, "float32": 1e-4}


@dataclass(frozen=True)
class KernelSpec:
    """How to call a kernel and how to read its raw output; plain JSON in the metadata.

    ``file``: the compiled estimator's file in the version. ``dtype``: of the input. ``rounded``: round the
    input to float32 first, as scikit-learn's forests do. ``output``: position of the output to read.
    ``reading``: the meaning of that output; the label is the class of the highest probability or score, or
    the second class for a single positive score, which ``scored`` gives beside the label; ``labelled`` output
    has the label's code first, -1 - code if it is within ``tie`` or NaN if there is none, one for each of
    ``targets``, and then any probabilities. ``whole``: the kernel replaces the whole pipeline.

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
    limit: tuple[float, ...] = (LARGEST,)
    nan: bool = False
    targets: int = 1

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "KernelSpec":
        return cls(**{**data, "limit": tuple(data["limit"])})


class Kernel(Protocol):
    """A compiled estimator."""

    name: str
    spec: KernelSpec

    def run(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Raw output for n prepared rows, in the spec's dtype (n, width)."""


def load_kernel(engine: str, content: Content, spec: KernelSpec) -> Kernel:
    """The compiled estimator, ready to predict.

    :param content: the bytes of its file; a single graph may also be the file.
    :raises ImportError: if the engine's runtime is not installed.
    :raises KeyError: if the table has no such engine, or the engine has no kernel.
    """
    entry = compiled_engines()[engine]
    name = entry.composed if spec.file == COMPOSED_FILE else entry.kernel
    kernel: Kernel = resolve_name(name)(content, spec)
    return kernel
