"""A model of which there are only its parts and its recorded answers, as one under certification."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.models.certification.comparison import Reference
from app.models.certification.model_under_test import (
    ModelUnderTest,
    hides_trees,
    limit_of,
)
from app.models.certification.probe_rows import ProbeRows, first_prepared
from app.models.certification.thresholds import trees_of
from app.models.certification.variations import usual_magnitudes
from app.models.compilation import NotCompilable
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
from app.models.schema.rows import Matrix, Rows, take
from app.models.schema.signature import InputSignature, OutputSignature


@dataclass(frozen=True)
class Edges:
    """Rows of the last estimator alone, (n, width), and its answers. ``tried``: splits that they are on."""

    rows: Matrix
    answers: Reference
    tried: int
    takes_nan: bool


@dataclass(frozen=True)
class RecordedAnswers:
    """A model's answers where it was fitted. ``rows``: the sample, ``n_sample`` rows, then probe rows."""

    signature: InputSignature
    output: OutputSignature
    rows: Rows
    answers: Reference
    n_sample: int
    edges: Edges | None

    @property
    def sample(self) -> Rows:
        """The rows of the sample that the model answers."""
        return take(self.rows, np.flatnonzero(~self.answers.refused[: self.n_sample]).tolist())


def recorded_model(parts: Any, recorded: RecordedAnswers) -> ModelUnderTest:
    """The model under certification, which nothing asks for predictions.

    :param parts: the model rebuilt from its numbers, as scaffolding for the compilers.
    :raises NotCompilable: if its preprocessing has no compiled form.
    """
    transformers, last = split(parts)
    preprocessor = compile_preprocessing(transformers, recorded.signature, last)
    limit = limit_of(preprocessor)
    width = first_prepared(preprocessor.apply, recorded.sample).shape[1]
    edges = recorded.edges
    prepared = np.empty((0, width))
    if edges is not None and len(edges.rows):  # a linear model of texts is narrower, and has no edges
        prepared = edges.rows
    if prepared.shape[1] != width:
        raise NotCompilable(f"its steps make {width} columns, its last one took {prepared.shape[1]}")
    total = sum(int((tree.left >= 0).sum()) for tree in trees_of(last))
    tried = 0 if edges is None else min(edges.tried, total)
    return ModelUnderTest(
        estimator=None,
        last=last,
        signature=recorded.signature,
        output=recorded.output,
        preprocessor=preprocessor,
        probe_rows=ProbeRows(recorded.rows, prepared, tried, total),
        raw=recorded.answers,
        prepared=edges.answers if edges is not None and len(prepared) else None,
        width=width,
        usual=usual_magnitudes(recorded.sample),
        limit=limit,
        takes_nan=edges is not None and edges.takes_nan,
        hidden_trees=hides_trees(last),
    )
