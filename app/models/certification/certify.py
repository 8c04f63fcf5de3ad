"""Certify the engines of a fitted model and choose the fastest that passes."""

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.models.certification.certificate import (
    MANY,
    certify_candidate,
    cost,
    is_better,
    libraries,
    uncertified,
)
from app.models.certification.model_under_test import ModelUnderTest, analyse
from app.models.certification.progress import Report, silent
from app.models.certification.timing import median_microseconds
from app.models.compilation import NotCompilable
from app.models.compilation.compilers import ONNX_FILE, Candidate, candidates, one_line
from app.models.compilation.labels import one_call_is_enough
from app.models.compilation.pipeline_preprocessing import split
from app.models.engines import ENGINES, REFERENCE, compiled_engines
from app.models.engines.kernel import TREES_FILE, Content
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.loading.certificates import CERTIFICATION_RULES
from app.models.repository.staging import keep
from app.models.repository.version_files import PREPROCESSING_FILE, Metadata
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature
from app.settings.process import give_back_memory

# Graphs and trees, of which a large forest has hundreds of megabytes.
IN_FILES = (ONNX_FILE, TREES_FILE)


@dataclass(frozen=True)
class Certification:
    """The certificates by engine, the chosen engine, and the files of the certified ones.

    ``supplied``: the certificate of the user's own ONNX graph, whether it serves or not. ``batch_engine``:
    the engine beside the chosen one for calls of many rows, if there is one.
    """

    engine: str
    certificates: dict[str, dict[str, Any]]
    files: dict[str, Content] = field(default_factory=dict)
    supplied: dict[str, Any] | None = None
    batch_engine: str | None = None

    def record(self) -> Metadata:
        """The metadata of the engines."""
        return {
            "engine": self.engine,
            "batch_engine": self.batch_engine,
            "certificates": self.certificates,
        }


def certify(
    estimator: Any,
    signature: InputSignature,
    output: OutputSignature,
    training: Rows,
    *,
    report: Report = silent,
    folder: Path | None = None,
) -> Certification:
    """Compile, compare, measure, choose.

    On every row that an engine answers, its label must equal the model's; probabilities must agree within
    1e-6, values within 1e-6 of the spread of the model's predictions: a tenth of the promise. Of the engines
    that pass, the fastest for one row and for 100 serves.

    :param estimator: the original model, the reference of every comparison.
    :param training: rows of the training data that fit ``signature``.
    :param report: called with each step.
    :param folder: where to keep the graphs, which are in memory otherwise.
    """
    report("scikit-learn")
    certificates = {REFERENCE: _certify_reference(estimator, signature, output, training)}
    try:
        model_under_test = analyse(estimator, signature, output, training)
    except Exception as error:  # a custom estimator may fail on rows unlike its training data
        cause = "" if isinstance(error, NotCompilable) else "the model fails on rows tried: "
        others = {
            engine: uncertified(engine, cause + one_line(error))
            for engine, entry in compiled_engines().items()
            if not entry.batches
        }
        return Certification(REFERENCE, certificates | others)
    return _fastest(model_under_test, training, certificates, report, folder)


def certify_recorded(
    model_under_test: ModelUnderTest, training: Rows, *, report: Report = silent
) -> Certification:
    """Certify against recorded answers, as `certify` does against the model itself.

    :raises NotCompilable: with the reason, if no engine passes.
    """
    found = _fastest(model_under_test, training, {}, report)
    if found.engine == REFERENCE:
        reasons = [f"{name}: {each['reason']}" for name, each in found.certificates.items()]
        raise NotCompilable("; ".join(reasons))
    return found


def _fastest(
    model_under_test: ModelUnderTest,
    training: Rows,
    certificates: dict[str, dict[str, Any]],
    report: Report,
    folder: Path | None = None,
) -> Certification:
    """Try every form of every engine; the fastest that passes serves, or else the reference."""
    chosen, files = REFERENCE, dict[str, Content]()
    for_batches = {name: dict[str, Content]() for name, entry in ENGINES.items() if entry.batches}
    best = cost(certificates[REFERENCE]) if REFERENCE in certificates else math.inf
    for candidate in candidates(model_under_test.last, model_under_test.output, width=model_under_test.width):
        report(f"{candidate.engine} {candidate.form}")
        candidate = _kept_in(folder, candidate)
        certificate = certify_candidate(candidate, model_under_test, training, report=report)
        if is_better(certificate, certificates.get(candidate.engine)):
            certificates[candidate.engine] = certificate
            if certificate["certified"]:
                kept = for_batches.get(candidate.engine, files)
                kept[candidate.spec.file] = candidate.content  # type: ignore[union-attr] # certified, so compiled
                if kept is files and cost(certificate) < best:
                    best, chosen = cost(certificate), candidate.engine
    give_back_memory()  # of the last session
    if files:
        files[PREPROCESSING_FILE] = json.dumps(model_under_test.preprocessor.to_dict()).encode()
    beside = next((name for name in for_batches if _is_quicker_beside(chosen, name, certificates)), None)
    return Certification(chosen, certificates, files | for_batches.get(beside or "", {}), batch_engine=beside)


def _is_quicker_beside(chosen: str, name: str, certificates: dict[str, dict[str, Any]]) -> bool:
    """True if an engine may take the calls of many rows from a compiled one, and saves a quarter of them."""
    certificate = certificates.get(name, {"certified": False})
    if chosen == REFERENCE or not certificate["certified"]:
        return False
    return cost(certificate, MANY) < 0.75 * cost(certificates[chosen], MANY)


def _kept_in(folder: Path | None, candidate: Candidate) -> Candidate:
    """The candidate with its graph or trees in a file: the kernel opens it, and takes enough itself."""
    content, spec = candidate.content, candidate.spec
    if folder is None or spec is None or spec.file not in IN_FILES or isinstance(content, Path):
        return candidate
    return replace(candidate, content=keep(folder / f"{candidate.engine}-{candidate.form}", content))


def _certify_reference(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> dict[str, Any]:
    """The model itself, with the label from the probabilities if its ``predict`` does the same."""
    single_call = bool(output.classes) and output.probabilities and one_call_is_enough(split(estimator)[1])
    engine = SklearnEngine(estimator, signature, output, single_call=single_call)
    return {
        "certified": True,
        "single_call": single_call,
        "median_us": median_microseconds(engine.predict, training),
        "libraries": libraries(REFERENCE),
        "rules": CERTIFICATION_RULES,
    }
