"""Inspection: the input and the output of a fitted model, derived from its predictions for the sample."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from app.exceptions import ServiceError, UnsupportedModel
from app.models.compilation.compilers import one_line
from app.models.engines.output import EngineOutput
from app.models.engines.partial import predict_partially
from app.models.engines.sklearn_engine import SklearnEngine, predicts
from app.models.publishing import columns, forms, outputs
from app.models.publishing.expected import Expected
from app.models.publishing.sample import sample_frame, stand_in_sample
from app.models.schema.model_input import restore
from app.models.schema.rows import Rows, take
from app.models.schema.signature import InputSignature, OutputSignature

# Rows of the sample to predict: the first ones, which are also replayed, and others spread evenly.
FIRST_ROWS = 1_000
SPREAD_ROWS = 5_000


@dataclass(frozen=True)
class InspectedModel:
    """A fitted model as its predictions for the sample show it.

    ``rows``: the answered rows of the sample as in a request, with the output ``predicted`` for them.
    ``replayed``: the first rows, with the predictions for their original form. ``sample``: all of its rows,
    or None if they say nothing of the training data.
    """

    signature: InputSignature
    output: OutputSignature
    rows: Rows
    predicted: EngineOutput
    replayed: Expected
    sample: pd.DataFrame | None = None

    def background(self) -> Iterator[Rows] | None:
        """The sample as in requests, in parts."""
        if (frame := self.sample) is None:
            return None
        starts = range(0, len(frame), FIRST_ROWS)
        return (columns.as_rows(frame.iloc[at : at + FIRST_ROWS], self.signature) for at in starts)


@contextmanager
def as_unsupported_model() -> Iterator[None]:
    """Turn any error of the code of a custom model into one sentence.

    :raises UnsupportedModel: in place of the model's own error.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about rows that are odd on purpose
            yield
    except (ServiceError, OSError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise UnsupportedModel(f"the model cannot be served: {one_line(error)}") from error


def check_is_model(model: Any) -> None:
    """:raises UnsupportedModel: for what neither predicts nor transforms."""
    if predicts(model) and not isinstance(model, type):
        return
    check_is_transformer(model, "neither a predict nor a transform method: is it the model?")


def check_is_transformer(part: Any, otherwise: str) -> None:
    """:raises UnsupportedModel: that says ``otherwise`` of what does not transform."""
    if isinstance(part, type):
        raise UnsupportedModel(f"{part.__name__} is a class: fit an object of it")
    if not callable(getattr(part, "transform", None)):
        raise UnsupportedModel(f"a {type(part).__name__} has {otherwise}")


def inspect_model(original: Any, sample: Any = None, feature_names: Any = None) -> InspectedModel:
    """Predict the sample, and derive the model's signatures from it.

    :param original: the model as its author calls it.
    :raises UnsupportedModel: if it cannot be served.
    """
    known_sample = sample is not None
    if not known_sample:
        sample = stand_in_sample(original)
    frame = sample_frame(original, sample, feature_names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about rows that are odd on purpose
        array, dtype = not isinstance(sample, pd.DataFrame), getattr(sample, "dtype", None)
        signature = forms.input_signature(original, frame, array=array, dtype=dtype)
        known = columns.as_rows(_some_of(frame), signature)
        output = outputs.output_signature(original, restore(known, signature))
        engine = SklearnEngine(original, signature, output)
        found = predict_partially(engine.predict, known)
        if not found.answers:
            raise UnsupportedModel("the model answers no row of the sample with finite numbers")
        own = _own_form(sample, frame, signature)
        replayed = Expected.of(engine.answer, own, take(known, range(min(len(known), FIRST_ROWS))))
    rows = take(known, found.answered)
    whole = frame if known_sample else None
    return InspectedModel(signature, output, rows, found.output, replayed, whole)


def _own_form(sample: Any, frame: pd.DataFrame, signature: InputSignature) -> Any:
    """The first rows in their original form if the model takes it, or else as they are served."""
    if signature.one_dimensional:
        texts = frame.iloc[:FIRST_ROWS, 0]
        return texts if signature.layout == "series" else texts.tolist()
    own = frame.iloc[:FIRST_ROWS]
    if signature.layout == "frame":
        return own.set_axis(list(signature.labels or signature.names), axis="columns")
    return sample[:FIRST_ROWS] if isinstance(sample, np.ndarray) else own.to_numpy()


def _some_of(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= FIRST_ROWS + SPREAD_ROWS:
        return frame
    more = np.linspace(FIRST_ROWS, len(frame) - 1, SPREAD_ROWS).astype(int)
    return frame.iloc[[*range(FIRST_ROWS), *more.tolist()]]
