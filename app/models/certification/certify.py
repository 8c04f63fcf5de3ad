"""Certify the engines of a fitted model and choose the fastest that passes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.models.certification.certificate import cost, is_better, judge, libraries, refusal
from app.models.certification.comparison import difference, reference
from app.models.certification.subject import examine
from app.models.certification.timing import median_microseconds
from app.models.compilation.candidates import candidates, one_line
from app.models.compilation.errors import NotCompilable
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.rows import Rows
from app.models.signature import InputSignature, OutputSignature
from app.models.store import PREPROCESSING_FILE

Report = Callable[[str], None]


@dataclass(frozen=True)
class Certification:
    """The certificates by engine, the engine chosen, and the files that the certified ones need.

    ``supplied``: the certificate of a graph that came with the model, whether it serves or not.
    """

    engine: str
    certificates: dict[str, dict[str, Any]]
    files: dict[str, bytes] = field(default_factory=dict)
    supplied: dict[str, Any] | None = None


def certify(
    estimator: Any,
    signature: InputSignature,
    output: OutputSignature,
    training: Rows,
    *,
    report: Report = lambda step: None,
) -> Certification:
    """Compile, compare, measure, choose.

    Labels must agree on every row whose two best classes are further apart than 1e-6; probabilities
    within 1e-5; values within 1e-5 of their size. Of the engines that pass, the one serves that is fastest
    for one row and for 100.

    :param training: rows of the training data that conform to ``signature``.
    :param report: called with what is being done.
    """
    report("scikit-learn")
    certificates, chosen = _certify_reference(estimator, signature, output, training)
    files: dict[str, bytes] = {}
    try:
        subject = examine(estimator, signature, output, training)
    except NotCompilable as error:
        return Certification(SklearnEngine.name, certificates | _refusals(str(error)))
    # An estimator of one's own may fail on rows that are unlike its training data; it serves as it is.
    except Exception as error:
        reason = f"scikit-learn fails on rows tried: {one_line(error)}"
        return Certification(SklearnEngine.name, certificates | _refusals(reason))
    best = cost(certificates[SklearnEngine.name])
    for candidate in candidates(subject.last, output, width=subject.width):
        report(f"{candidate.engine} {candidate.form}")
        certificate = judge(candidate, subject, training)
        if not is_better(certificate, certificates.get(candidate.engine)):
            continue
        certificates[candidate.engine] = certificate
        if certificate["certified"]:
            files[candidate.spec.file] = candidate.content  # type: ignore[union-attr] # certified, so compiled
            if cost(certificate) < best:
                best, chosen = cost(certificate), candidate.engine
    if files:
        files[PREPROCESSING_FILE] = json.dumps(subject.preprocessor.to_dict()).encode()
    return Certification(chosen, certificates, files)


def _certify_reference(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> tuple[dict[str, dict[str, Any]], str]:
    """scikit-learn itself, also with the label taken from the probabilities instead of a second call."""
    engine = SklearnEngine(estimator, signature.layout, output)
    single_call = False
    if output.probabilities:
        expected = reference(estimator, None, engine.predict(training))
        engine_of_one_call = SklearnEngine(estimator, signature.layout, output, single_call=True)
        single_call = difference(engine_of_one_call.predict(training), expected).reason is None
        engine = engine_of_one_call if single_call else engine
    certificate = {
        "certified": True,
        "single_call": single_call,
        "median_us": median_microseconds(engine.predict, training),
        "libraries": libraries(SklearnEngine.name),
    }
    return {SklearnEngine.name: certificate}, SklearnEngine.name


def _refusals(reason: str) -> dict[str, dict[str, Any]]:
    return {engine: refusal(engine, reason) for engine in ("onnx", "treelite")}
