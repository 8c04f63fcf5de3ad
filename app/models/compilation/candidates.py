"""Every compiled form of a fitted estimator that the installed compilers can make."""

import importlib.util
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import joblib

from app.models.engines.kernel import KernelSpec, Reading
from app.models.signature import OutputSignature

log = logging.getLogger(__name__)

ONNX_FILE = "model.onnx"
TREELITE_FILE = "model.treelite"
# Operator sets that skl2onnx 1.20 writes and onnxruntime has run for years.
TARGET_OPSET = {"": 18, "ai.onnx.ml": 3}

Compiler = Callable[[Any, OutputSignature, int], tuple[bytes, KernelSpec]]


@dataclass(frozen=True)
class Candidate:
    """One compiled form of an estimator, or why there is none. ``content`` are the bytes of ``spec.file``.

    ``form`` tells apart what one engine can run: this project's ``trees``, or skl2onnx's graph in
    ``float64`` or ``float32``.
    """

    engine: str
    form: str
    content: bytes = b""
    spec: KernelSpec | None = None
    reason: str | None = None


def candidates(estimator: Any, output: OutputSignature, *, width: int) -> Iterator[Candidate]:
    """Compile ``estimator``, which takes ``width`` prepared columns, in every way there is."""
    for engine, form, package, compiler in _compilers_for(estimator):
        if importlib.util.find_spec(package) is None:
            log.warning("engine is absent", extra={"engine": engine, "missing_package": package})
        else:
            yield _attempt(engine, form, compiler, estimator, output, width)


def _attempt(
    engine: str, form: str, compiler: Compiler, estimator: Any, output: OutputSignature, width: int
) -> Candidate:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content, spec = compiler(estimator, output, width)
    # The compilers raise whatever comes up on estimators that they do not know.
    except Exception as error:
        return Candidate(engine, form, reason=one_line(error))
    return Candidate(engine, form, content, spec)


def one_line(error: Exception) -> str:
    """An exception as a reason to record: its type and the start of its message."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:160]}"


def _compilers_for(estimator: Any) -> tuple[tuple[str, str, str, Compiler], ...]:
    """skl2onnx's graphs of trees are no faster than this project's and less exact: one of both is enough."""
    from app.models.compilation.tree_graph import has_tree_graph

    return (TREES, TREELITE) if has_tree_graph(estimator) else (FLOAT64, FLOAT32)


def _trees(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec]:
    """Tree ensembles, written by this project: exact, missing values and categories included."""
    from app.models.compilation.tree_graph import rounds_to_float32, tree_graph

    graph = tree_graph(estimator, width=width)
    spec = KernelSpec(ONNX_FILE, "float64", rounds_to_float32(estimator), reading_of(output))
    return graph.SerializeToString(), spec


def _float64(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec]:
    return _convert(estimator, output, width, "float64")


def _float32(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec]:
    return _convert(estimator, output, width, "float32")


def _convert(
    estimator: Any, output: OutputSignature, width: int, dtype: Literal["float32", "float64"]
) -> tuple[bytes, KernelSpec]:
    """skl2onnx's graph; its label output is not used, because it loses the type of the labels."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    estimator = _copy(estimator)
    if "flatten_transform" in estimator.get_params(deep=False):
        estimator.set_params(flatten_transform=False)
    tensor = (FloatTensorType if dtype == "float32" else DoubleTensorType)([None, width])
    graph = to_onnx(
        estimator,
        initial_types=[("X", tensor)],
        options={id(estimator): _options(estimator, output)},
        target_opset=TARGET_OPSET,
    )
    reading = reading_of(output)
    position = 0 if reading == "values" else 1
    return graph.SerializeToString(), KernelSpec(ONNX_FILE, dtype, False, reading, position)


def _options(estimator: Any, output: OutputSignature) -> dict[str, bool]:
    """Arrays instead of dictionaries, and scores instead of votes, as far as the converter knows them."""
    from skl2onnx._supported_operators import _get_sklearn_operator_name
    from skl2onnx.common._registration import get_converter

    if output.task != "classification":
        return {}
    wanted = {"zipmap": False} | ({} if output.probabilities else {"raw_scores": True})
    converter = get_converter(_get_sklearn_operator_name(type(estimator)))
    known = converter.get_allowed_options() or {}
    return {name: value for name, value in wanted.items() if name in known}


def _treelite(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec]:
    import treelite

    from app.models.compilation.tree_graph import rounds_to_float32

    reading = reading_of(output)
    if reading == "scores":
        raise TypeError("treelite has no decision function for this estimator")
    model = treelite.sklearn.import_model(_copy(estimator))
    if reading == "probabilities" and model.get_header_accessor().get_field("num_class")[0] == 1:
        reading = "positive_probability"
    spec = KernelSpec(TREELITE_FILE, "float64", rounds_to_float32(estimator), reading)
    return model.serialize_bytes(), spec


TREES = ("onnx", "trees", "onnx", _trees)
FLOAT64 = ("onnx", "float64", "skl2onnx", _float64)
FLOAT32 = ("onnx", "float32", "skl2onnx", _float32)
TREELITE = ("treelite", "float64", "treelite", _treelite)


def reading_of(output: OutputSignature) -> Reading:
    """What there is to read of a graph, if it returns one column per class."""
    if output.task == "regression":
        return "values"
    return "probabilities" if output.probabilities else "scores"


def _copy(estimator: Any) -> Any:
    """A deep copy; the compilers set attributes on what they are given."""
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)
