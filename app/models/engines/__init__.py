"""Engines: ways of computing a fitted model's predictions. `ENGINES` is the table of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

# onnxruntime from 1.29 on sends telemetry and keeps a machine id in the home folder, unless this is set
# before its import: https://github.com/microsoft/onnxruntime/pull/27379. Every import of it passes here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@dataclass(frozen=True)
class EngineEntry:
    """One engine. References are ``module:name``, imported on first use.

    ``libraries``: distributions that determine the engine's numbers; other versions of them void a
    certificate. ``kernel``: a class of `Kernel`, made of (content, spec); "" for the reference.
    ``composed``: the same for several graphs in one file. ``compilers``: from an estimator to its
    `Compilers`. ``install``: distributions that both need. ``batches``: it serves beside another engine, and
    only calls of `MANY_ROWS` or more.
    """

    libraries: tuple[str, ...]
    kernel: str = ""
    compilers: str = ""
    install: tuple[str, ...] = ()
    composed: str = ""
    batches: bool = False


# Of a call from which on it goes to the engine for batches.
MANY_ROWS = 64

# The fitted model itself, which every other engine is compared with.
REFERENCE = "sklearn"
ENGINES: dict[str, EngineEntry] = {
    REFERENCE: EngineEntry(libraries=("scikit-learn", "numpy"), install=("scikit-learn",)),
    "onnx": EngineEntry(
        libraries=("onnxruntime", "numpy"),
        kernel="app.models.engines.onnx_engine:OnnxKernel",
        composed="app.models.engines.composed.composed_kernel:ComposedKernel",
        compilers="app.models.compilation.compilers:onnx_compilers",
        install=("onnxruntime", "onnx", "skl2onnx"),
    ),
    "numba": EngineEntry(
        libraries=("numba", "onnxruntime", "numpy"),
        kernel="app.models.engines.composed.composed_kernel:BatchKernel",
        compilers="app.models.compilation.batch_trees:numba_compilers",
        install=("numba",),
        batches=True,
    ),
}


def compiled_engines() -> Mapping[str, EngineEntry]:
    """The engines that run a compiled form of the model."""
    return {name: entry for name, entry in ENGINES.items() if entry.kernel}
