"""A user's own ONNX graph: its input, and the output that is read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from app.models.compilation import NotCompilable
from app.models.compilation.compilers import Candidate, one_line, reading_of
from app.models.engines.external_data import refers_outside
from app.models.engines.kernel import TIE, KernelSpec, Reading
from app.models.schema.signature import OutputSignature

USER_ONNX_FILE = "supplied.onnx"
# The part of a pipeline that a graph replaces; a whole one gets the columns as clients send them.
WHOLE, LAST_STEP = "whole pipeline", "last step"
DTYPES: dict[str, Literal["float32", "float64"]] = {"tensor(float)": "float32", "tensor(double)": "float64"}
# The operator that turns probabilities into dictionaries, as protobuf writes a node's type: skl2onnx's
# default, which in float64 makes graphs that do not load.
ZIPMAP = b"\x22\x06ZipMap"
# skl2onnx's names, which tell outputs of one type apart.
PROBABILITIES = {"probabilities", "output_probability"}


def user_onnx_candidates(
    content: bytes, output: OutputSignature, *, widths: Mapping[str, int]
) -> list[Candidate]:
    """A candidate for each part of the pipeline that the graph may replace, or one with a reason against it.

    :param content: the bytes of the ONNX file.
    :param widths: number of columns of `WHOLE` and `LAST_STEP`; either may be missing.
    """
    try:
        return _read(content, output, widths)
    except Exception as error:  # onnxruntime raises anything on bytes that are no graph
        return [Candidate("onnx", "supplied", reason=one_line(error))]


def _read(content: bytes, output: OutputSignature, widths: Mapping[str, int]) -> list[Candidate]:
    from app.models.engines.onnx_engine import open_session

    if refers_outside(content):
        raise NotCompilable("it refers to external data: export it as one file")
    if ZIPMAP in content:
        raise NotCompilable("it answers with dictionaries (ZipMap): export it with options={'zipmap': False}")
    session = open_session(content)
    dtype, width = _input(session.get_inputs())
    position, reading = _output(session.get_outputs(), output)
    fitting = [form for form, wanted in widths.items() if width in (None, wanted)]
    if not fitting:
        wanted = " or ".join(str(number) for number in dict.fromkeys(widths.values()))
        raise NotCompilable(f"it takes {width} columns, the model {wanted or 'no matrix'}")
    spec = KernelSpec(USER_ONNX_FILE, dtype, False, reading, position, tie=TIE[dtype])
    return [Candidate("onnx", form, content, replace(spec, whole=form == WHOLE)) for form in fitting]


def _input(inputs: list[Any]) -> tuple[Literal["float32", "float64"], int | None]:
    """The dtype and the width of the input; the width may be open."""
    if len(inputs) != 1:
        raise NotCompilable(f"it takes {len(inputs)} inputs: export it with one, a matrix of all columns")
    (only,) = inputs
    if only.type not in DTYPES:
        raise NotCompilable(f"its input is {only.type}: export it with one of {' or '.join(DTYPES)}")
    if len(only.shape) != 2:
        raise NotCompilable(f"its input has {len(only.shape)} dimensions, not rows and columns")
    rows, width = only.shape
    if isinstance(rows, int):
        raise NotCompilable(f"it takes exactly {rows} rows: export it with a number of rows that varies")
    return DTYPES[only.type], width if isinstance(width, int) else None


def _output(outputs: list[Any], wanted: OutputSignature) -> tuple[int, Reading]:
    """The position and the reading of the output to read; labels come from the model's classes."""
    numbers = [position for position, each in enumerate(outputs) if each.type in DTYPES]
    if len(numbers) > 1:
        numbers = [p for p in numbers if outputs[p].name in PROBABILITIES] or numbers
    if len(numbers) != 1:
        names = ", ".join(repr(outputs[position].name) for position in numbers) or "none"
        raise NotCompilable(f"it must have one output of numbers to read, it has: {names}")
    reading = reading_of(wanted)
    shape = outputs[numbers[0]].shape
    if reading == "probabilities" and (len(shape) == 1 or shape[-1:] == [1]):
        reading = "positive_probability"
    return numbers[0], reading
