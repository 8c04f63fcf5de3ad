"""Every compiled form of a fitted estimator that the installed compilers can make."""

import importlib.util
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import joblib

from app.models.compilation import NotCompilable
from app.models.engines.kernel import TIE, KernelSpec, Reading
from app.models.schema.signature import OutputSignature

log = logging.getLogger(__name__)

# Of an object in memory, as its representation tells it.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
ONNX_FILE = "model.onnx"
# Operator sets that skl2onnx 1.20 writes and onnxruntime has run for years.
TARGET_OPSET = {"": 18, "ai.onnx.ml": 3}

Compiler = Callable[[Any, OutputSignature, int], tuple[bytes, KernelSpec, bool]]


@dataclass(frozen=True)
class Candidate:
    """One compiled form of an estimator, or why there is none. ``content`` are the bytes of ``spec.file``.

    ``form`` tells apart what one engine can run: this project's ``trees``, or skl2onnx's graph in
    ``float64`` or ``float32``. ``proven``: every split and leaf was found to be the model's own, bit for bit.
    """

    engine: str
    form: str
    content: bytes = b""
    spec: KernelSpec | None = None
    reason: str | None = None
    proven: bool = False


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
            content, spec, proven = compiler(estimator, output, width)
    except NotCompilable as error:
        return Candidate(engine, form, reason=str(error))
    # The compilers raise whatever comes up on estimators that they do not know.
    except Exception as error:
        return Candidate(engine, form, reason=one_line(error))
    return Candidate(engine, form, content, spec, proven=proven)


def one_line(error: BaseException) -> str:
    """An exception as a reason to record: its type and the start of its message."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {ADDRESS.sub('', lines[0])[:160]}"


def _compilers_for(estimator: Any) -> tuple[tuple[str, str, str, Compiler], ...]:
    """skl2onnx's graphs of trees are no faster than this project's and less exact: one of both is enough."""
    from app.models.compilation.tree_graph import has_tree_graph

    return (TREES,) if has_tree_graph(estimator) else (FLOAT64, FLOAT32)


def _trees(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    """Tree ensembles, written by this project: exact, missing values and categories included."""
    from app.models.compilation import tree_graph, tree_proof

    trees = tree_graph.trees_of_graph(estimator)
    content = tree_graph.tree_graph(estimator, trees, width=width).SerializeToString()
    if reason := tree_proof.difference(content, trees):
        raise NotCompilable(f"the graph is not the model: {reason}")
    spec = KernelSpec(
        ONNX_FILE,
        "float64",
        tree_graph.rounds_to_float32(estimator),
        reading_of(output),
        tie=None if tree_graph.is_exact(estimator) else TIE["float64"],
    )
    return content, spec, True


def _float64(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    return _convert(estimator, output, width, "float64")


def _float32(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    return _convert(estimator, output, width, "float32")


def _convert(
    estimator: Any, output: OutputSignature, width: int, dtype: Literal["float32", "float64"]
) -> tuple[bytes, KernelSpec, bool]:
    """skl2onnx's graph; its label output is not used, because it loses the type of the labels."""
    check_labels(estimator, output)
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
    spec = KernelSpec(ONNX_FILE, dtype, False, reading, position, tie=TIE[dtype])
    return graph.SerializeToString(), spec, False


def check_labels(estimator: Any, output: OutputSignature) -> None:
    """Nothing where labels can be read off a graph's numbers, and these change little where a row does.

    :raises NotCompilable: where ``predict`` may decide otherwise, or by the last bit of a distance.
    """
    from app.models.compilation.labels import BY_NEIGHBOURS, follow_from_numbers
    from app.models.compilation.nesting import estimators_in

    if neighbours := [part for part in estimators_in(estimator) if isinstance(part, BY_NEIGHBOURS)]:
        raise NotCompilable(f"{type(neighbours[0]).__name__} decides by the last bit of distances")
    if output.classes and not follow_from_numbers(estimator, probabilities=output.probabilities):
        numbers = "probabilities" if output.probabilities else "scores"
        raise NotCompilable(f"the labels of {type(estimator).__name__} do not follow from its {numbers}")


def _options(estimator: Any, output: OutputSignature) -> dict[str, bool]:
    """Arrays instead of dictionaries, and scores instead of votes, for what passed `check_labels`."""
    from sklearn.svm import LinearSVC

    if output.task != "classification":
        return {}
    # The one converter of a classifier that never makes dictionaries does not know the option.
    arrays = {} if type(estimator) is LinearSVC else {"zipmap": False}
    return arrays if output.probabilities else {**arrays, "raw_scores": True}


TREES = ("onnx", "trees", "onnx", _trees)
FLOAT64 = ("onnx", "float64", "skl2onnx", _float64)
FLOAT32 = ("onnx", "float32", "skl2onnx", _float32)


def reading_of(output: OutputSignature) -> Reading:
    """What there is to read of a graph, if it returns one column per class."""
    if not output.classes:
        return "values"
    return "probabilities" if output.probabilities else "scores"


def _copy(estimator: Any) -> Any:
    """A deep copy; the compilers set attributes on what they are given."""
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)
