"""The ``onnx`` engine's kernel: an estimator as an ONNX graph, run by onnxruntime on one thread."""

import onnxruntime

from app.models.engines.kernel import KernelSpec, outcome_of
from app.models.predictions import Outcome
from app.models.rows import Matrix

LOG_ERRORS_ONLY = 3


class OnnxKernel:
    """An inference session; belongs to the process that made it and is shared by its threads."""

    name = "onnx"

    def __init__(self, content: bytes, spec: KernelSpec) -> None:
        self._spec = spec
        session = onnxruntime.InferenceSession(content, session_options(), providers=["CPUExecutionProvider"])
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[spec.output].name]

    def predict(self, matrix: Matrix) -> Outcome:
        """Outcome of n prepared rows, float64 (n, width)."""
        raw = self._run(self._outputs, {self._input: self._spec.prepare(matrix)})[0]
        return outcome_of(raw, self._spec)


def session_options() -> onnxruntime.SessionOptions:
    """One thread that does not spin: the server's processes are the parallelism."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = LOG_ERRORS_ONLY
    return options
