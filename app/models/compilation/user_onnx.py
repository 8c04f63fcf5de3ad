"""An ONNX graph that somebody else made: how it is fed, and which of its outputs is read."""

from collections.abc import Mapping
from typing import Any, Literal

from app.models.compilation import NotCompilable
from app.models.compilation.compilers import Candidate, one_line, reading_of
from app.models.engines.external_data import refers_outside
from app.models.engines.kernel import TIE, KernelSpec, Reading
from app.models.schema.signature import OutputSignature

USER_ONNX_FILE = "supplied.onnx"
# What a graph can stand for, and so what it is fed: the columns as callers send them, or those that reach the
# last step of a pipeline.
WHOLE, LAST_STEP = "whole pipeline", "last step"
DTYPES: dict[str, Literal["float32", "float64"]] = {"tensor(float)": "float32", "tensor(double)": "float64"}
# The operator that turns probabilities into dictionaries, as protobuf writes a node's type. skl2onnx adds it
# unless told otherwise, in float64 to graphs that no longer load.
ZIPMAP = b"\x22\x06ZipMap"
# skl2onnx's names; only needed where other outputs are of the same type.
PROBABILITIES = {"probabilities", "output_probability"}


def user_onnx_candidates(
    content: bytes, output: OutputSignature, *, widths: Mapping[str, int]
) -> list[Candidate]:
    """The graph as a candidate for each thing that it may stand for, or one with the reason against it.

    :param content: the bytes of the ONNX file.
    :param widths: number of columns by `WHOLE` and `LAST_STEP`, as far as either can be fed.
    """
    try:
        return _read(content, output, widths)
    except NotCompilable as error:
        return [_refused(str(error))]
    except Exception as error:  # onnxruntime raises what it likes on bytes that are no graph
        return [_refused(one_line(error))]


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
    return [
        Candidate(
            "onnx",
            form,
            content,
            KernelSpec(USER_ONNX_FILE, dtype, False, reading, position, whole=form == WHOLE, tie=TIE[dtype]),
        )
        for form in fitting
    ]


def _input(inputs: list[Any]) -> tuple[Literal["float32", "float64"], int | None]:
    """The type of a row's numbers, and how many there are, if the graph says so."""
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
    """The position of the output to read, and what it is; labels are taken from the model's classes."""
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


def _refused(reason: str) -> Candidate:
    return Candidate("onnx", "supplied", reason=reason)
