"""The ``onnx`` engine's kernel: an estimator as an ONNX graph, run by onnxruntime on one thread."""

from typing import Any

import onnxruntime
from numpy.typing import NDArray

from app.models.engines.kernel import KernelSpec
from app.models.rows import Matrix

# What it logs of an error it raises too.
LOG_FATAL_ONLY = 4


class OnnxKernel:
    """An inference session; belongs to the process that made it and is shared by its threads."""

    name = "onnx"

    def __init__(self, content: bytes, spec: KernelSpec) -> None:
        self.spec = spec
        session = onnxruntime.InferenceSession(content, session_options(), providers=["CPUExecutionProvider"])
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[spec.output].name]

    def run(self, matrix: Matrix) -> NDArray[Any]:
        """Raw output for n prepared rows, float64 (n, width)."""
        raw: NDArray[Any] = self._run(self._outputs, {self._input: self.spec.prepare(matrix)})[0]
        return raw


def session_options() -> onnxruntime.SessionOptions:
    """One thread that does not spin: the server's processes are the parallelism."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = LOG_FATAL_ONLY
    return options
