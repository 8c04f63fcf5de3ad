"""Certify the engines of a fitted model and choose the fastest that passes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.models.certification.certificate import (
    certify_candidate,
    cost,
    is_better,
    libraries,
    uncertified,
)
from app.models.certification.model_under_test import analyse
from app.models.certification.timing import median_microseconds
from app.models.compilation import NotCompilable
from app.models.compilation.compilers import candidates, one_line
from app.models.compilation.labels import one_call_is_enough
from app.models.compilation.pipeline_preprocessing import split
from app.models.engines import REFERENCE, compiled_engines
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.loading.certificates import CERTIFICATION_RULES
from app.models.repository.store import PREPROCESSING_FILE
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature

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

    On every row that an engine answers itself the label must be the model's; probabilities must agree within
    1e-6, values within 1e-6 of the spread of the model's answers: a tenth of what is promised. Of the engines
    that pass, the one serves that is fastest for one row and for 100.

    :param estimator: the model as its caller has it; all is compared with what it answers.
    :param training: rows of the training data that conform to ``signature``.
    :param report: called with what is being done.
    """
    report("scikit-learn")
    certificates, chosen = _certify_reference(estimator, signature, output, training)
    files: dict[str, bytes] = {}
    try:
        model_under_test = analyse(estimator, signature, output, training)
    except NotCompilable as error:
        return _uncompiled(certificates, str(error))
    # An estimator of one's own may fail on rows that are unlike its training data; it serves as it is.
    except Exception as error:
        return _uncompiled(certificates, f"the model fails on rows tried: {one_line(error)}")
    best = cost(certificates[REFERENCE])
    for candidate in candidates(model_under_test.last, output, width=model_under_test.width):
        report(f"{candidate.engine} {candidate.form}")
        certificate = certify_candidate(candidate, model_under_test, training)
        if not is_better(certificate, certificates.get(candidate.engine)):
            continue
        certificates[candidate.engine] = certificate
        if certificate["certified"]:
            files[candidate.spec.file] = candidate.content  # type: ignore[union-attr] # certified, so compiled
            if cost(certificate) < best:
                best, chosen = cost(certificate), candidate.engine
    if files:
        files[PREPROCESSING_FILE] = json.dumps(model_under_test.preprocessor.to_dict()).encode()
    return Certification(chosen, certificates, files)


def _uncompiled(certificates: dict[str, dict[str, Any]], reason: str) -> Certification:
    """The model serves itself; every compiled engine is uncertified for one reason."""
    others = {engine: uncertified(engine, reason) for engine in compiled_engines()}
    return Certification(REFERENCE, certificates | others)


def _certify_reference(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> tuple[dict[str, dict[str, Any]], str]:
    """The model itself, with the label from the probabilities where its ``predict`` does nothing else."""
    single_call = output.probabilities and one_call_is_enough(split(estimator)[1])
    engine = SklearnEngine(estimator, signature, output, single_call=single_call)
    certificate = {
        "certified": True,
        "single_call": single_call,
        "median_us": median_microseconds(engine.predict, training),
        "libraries": libraries(REFERENCE),
        "rules": CERTIFICATION_RULES,
    }
    return {REFERENCE: certificate}, REFERENCE
