"""The compiled forms of a fitted estimator, for each engine of the table."""

import logging
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pkgutil import resolve_name
from typing import Any, Literal

from app.models.compilation import NotCompilable
from app.models.engines import compiled_engines
from app.models.engines.kernel import TIE, Content, KernelSpec, Reading
from app.models.schema.signature import OutputSignature
from app.settings.process import give_back_memory

log = logging.getLogger(__name__)

# A memory address in an object's representation.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
ONNX_FILE = "model.onnx"
SEVERAL_LABELS = "several labels a row by one estimator have no compiled form"
# Operator sets that skl2onnx 1.20 writes and onnxruntime has run for years.
TARGET_OPSET = {"": 18, "ai.onnx.ml": 3}

# From an estimator, its output and the number of prepared columns to a file, and whether it is proven exact.
Compiler = Callable[[Any, OutputSignature, int], tuple[bytes, KernelSpec, bool]]
Compilers = Mapping[str, Compiler]  # by the name of the form


@dataclass(frozen=True)
class Candidate:
    """One compiled form of an estimator, or the reason why there is none.

    ``form``: which one of the engine's, such as skl2onnx's ``float32``. ``content``: of ``spec.file``.
    ``proven``: every split and leaf equals the model's, bit for bit.
    """

    engine: str
    form: str
    content: Content = b""
    spec: KernelSpec | None = None
    reason: str | None = None
    proven: bool = False


def candidates(estimator: Any, output: OutputSignature, *, width: int) -> Iterator[Candidate]:
    """Compile ``estimator``, which takes ``width`` prepared columns, in every form of every engine."""
    for engine, entry in compiled_engines().items():
        try:
            for form, compiler in resolve_name(entry.compilers)(estimator).items():
                yield _compiled(engine, form, compiler, estimator, output, width)
        except ImportError as error:
            report = log.info if entry.batches else log.warning
            report("engine is absent", extra={"engine": engine, "missing_package": error.name})
            yield Candidate(engine, "none", reason=f"not installed: {', '.join(entry.install)}")


def _compiled(
    engine: str, form: str, compiler: Compiler, estimator: Any, output: OutputSignature, width: int
) -> Candidate:
    if output.targets and form != "composed":
        return Candidate(engine, form, reason=SEVERAL_LABELS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content, spec, proven = compiler(estimator, output, width)
    except ImportError:
        raise
    except Exception as error:  # compilers raise anything on estimators that they do not know
        return Candidate(engine, form, reason=one_line(error))
    give_back_memory()
    return Candidate(engine, form, content, spec, proven=proven)


def one_line(error: BaseException) -> str:
    """An exception as a reason to record: its type and the start of its message."""
    if isinstance(error, NotCompilable):
        return str(error)
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {ADDRESS.sub('', lines[0])[:160]}"


def onnx_compilers(estimator: Any) -> Compilers:
    """One form for tree ensembles: skl2onnx's graphs of these are no faster, and less exact."""
    from app.models.compilation.boosting.boosted_trees import library_of
    from app.models.compilation.composition.composition import is_composed
    from app.models.compilation.tree_graph import has_tree_graph

    if library_of(estimator):
        return {"trees": _boosted_trees}
    if has_tree_graph(estimator):
        return {"trees": _trees}
    if is_composed(estimator):
        return {"composed": _composed}
    return {"float64": partial(_skl2onnx, dtype="float64"), "float32": partial(_skl2onnx, dtype="float32")}


def _trees(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    """This project's graph of a tree ensemble: exact, with missing values and categories."""
    from app.models.compilation import model_trees, tree_graph

    trees = tree_graph.trees_of_graph(estimator)
    scores = bool(output.classes) and not output.probabilities
    # The proof reads the bytes into a graph of its own, beside which this one, as large, is not kept.
    content = tree_graph.tree_graph(estimator, trees, width=width, scores=scores).SerializeToString()
    # All but histogram boosting round their input first.
    rounded = not isinstance(estimator, model_trees.HISTOGRAM_BOOSTING)
    tie = None if tree_graph.is_exact(estimator, trees) else TIE["float64"]
    return _proven(content, trees, KernelSpec(ONNX_FILE, "float64", rounded, reading_of(output), tie=tie))


def _boosted_trees(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    """This project's graph of another library's trees, with that library's arithmetic."""
    from app.models.compilation.boosting import boosted_graph
    from app.models.compilation.boosting.boosted_trees import boosted_trees

    model = boosted_trees(estimator)
    trees = boosted_graph.trees_of_graph(model)
    classes = bool(output.classes)
    content = boosted_graph.boosted_graph(model, trees, width=width, classes=classes).SerializeToString()
    return _proven(content, trees, KernelSpec(ONNX_FILE, "float64", model.rounded, reading_of(output)))


def _composed(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    """The members' graphs and the wrapper's arithmetic, or skl2onnx's graph of all of it."""
    from app.models.compilation.composition.composition import compose

    try:
        content, spec, proven = compose(estimator, width, onnx_compilers)
        if spec.reading == "scored" and not output.scored:  # answers that were recorded without it
            spec = replace(spec, reading="scores")
        return content, spec, proven
    except Exception as error:  # compilers raise anything on members that they do not know
        with suppress(Exception):
            return _skl2onnx(estimator, output, width, dtype="float64")
        raise NotCompilable(f"not composed of its members: {one_line(error)}") from error


def _proven(content: bytes, trees: list[Any], spec: KernelSpec) -> tuple[bytes, KernelSpec, bool]:
    from app.models.compilation import tree_proof

    tree_proof.check(content, trees)
    return content, spec, True


def _skl2onnx(
    estimator: Any, output: OutputSignature, width: int, *, dtype: Literal["float32", "float64"]
) -> tuple[bytes, KernelSpec, bool]:
    """skl2onnx's graph; its label output is not used, because it loses the type of the labels."""
    check_labels(estimator, output)
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    estimator = pickle.loads(pickle.dumps(estimator))  # a deep copy, because converters set attributes on it
    if "flatten_transform" in estimator.get_params(deep=False):
        estimator.set_params(flatten_transform=False)
    tensor = (FloatTensorType if dtype == "float32" else DoubleTensorType)([None, width])
    graph = _graph(estimator, tensor, output)
    position = 1 if output.classes else 0
    spec = KernelSpec(ONNX_FILE, dtype, False, reading_of(output), position, tie=TIE[dtype])
    return graph.SerializeToString(), spec, False


def _graph(estimator: Any, tensor: Any, output: OutputSignature) -> Any:
    """The graph of a classifier has arrays instead of dictionaries, and scores instead of votes."""
    from skl2onnx import to_onnx

    arrays, scores = {"zipmap": False}, {} if output.probabilities else {"raw_scores": True}
    convert = partial(to_onnx, estimator, initial_types=[("X", tensor)], target_opset=TARGET_OPSET)
    for options in (arrays | scores, arrays, scores) if output.task == "classification" else ():
        # skl2onnx raises NameError for an option that the estimator's converter does not have.
        with suppress(NameError):
            return convert(options={id(estimator): options})
    return convert()


def check_labels(estimator: Any, output: OutputSignature) -> None:
    """Check that labels follow from a graph's numbers, and that these change little where a row does.

    :raises NotCompilable: if ``predict`` may decide otherwise, or by the last bit of a distance.
    """
    from app.models.compilation.labels import BY_NEIGHBOURS, follow_from_numbers
    from app.models.engines.nesting import estimators_in

    if output.targets:
        raise NotCompilable(SEVERAL_LABELS)
    if neighbours := [part for part in estimators_in(estimator) if isinstance(part, BY_NEIGHBOURS)]:
        raise NotCompilable(f"{type(neighbours[0]).__name__} decides by the last bit of distances")
    if output.classes and not follow_from_numbers(estimator, probabilities=output.probabilities):
        numbers = "probabilities" if output.probabilities else "scores"
        raise NotCompilable(f"the labels of {type(estimator).__name__} do not follow from its {numbers}")


def reading_of(output: OutputSignature) -> Reading:
    """The reading of a graph with one column per class."""
    if not output.classes:
        return "values"
    return "probabilities" if output.probabilities else "scored" if output.scored else "scores"
