"""The ``onnx`` engine's kernel: an estimator as an ONNX graph, run by onnxruntime on one thread."""

from typing import Any

import onnxruntime
from numpy.typing import NDArray

from app.models.engines.kernel import Content, KernelSpec

# onnxruntime raises each error that it logs.
LOG_FATAL_ONLY = 4
# Without a folder onnxruntime looks for the external data of some tensors (sparse ones, and tensors of
# branches) in the working directory. A device has no files.
NO_FOLDER = "/dev/null"


class OnnxKernel:
    """An inference session; belongs to the process that made it and is shared by its threads."""

    name = "onnx"

    def __init__(self, content: Content, spec: KernelSpec) -> None:
        self.spec = spec
        session = open_session(content)
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[spec.output].name]

    def run(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Raw output for n prepared rows, in the spec's dtype (n, width)."""
        raw: NDArray[Any] = self._run(self._outputs, {self._input: matrix})[0]
        return raw


def open_session(content: Content) -> onnxruntime.InferenceSession:
    """A session for a graph without external data.

    One thread that does not spin: parallelism comes from the server's processes.

    :param content: an ONNX file or its bytes; onnxruntime's own format is unchecked, and not read.
    :raises Exception: onnxruntime's, for other content or external data.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
    options.log_severity_level = LOG_FATAL_ONLY
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
