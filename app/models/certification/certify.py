"""Certify the engines of a fitted model and choose the fastest that passes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from app.models.certification.comparison import Comparison, compare, difference, reference
from app.models.certification.evidence import Evidence
from app.models.certification.subject import Subject, examine
from app.models.certification.timing import median_microseconds
from app.models.compilation.candidates import Candidate, candidates, one_line
from app.models.compilation.errors import NotCompilable
from app.models.engines.kernel import CompiledEngine, load_kernel
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.rows import Rows
from app.models.signature import InputSignature, OutputSignature
from app.models.store import PREPROCESSING_FILE

# What an engine's answers depend on; a certificate is void where one of these has changed.
LIBRARIES = {
    "sklearn": ("scikit-learn", "numpy"),
    "onnx": ("onnxruntime", "numpy", "scikit-learn"),
    "treelite": ("treelite", "numpy", "scikit-learn"),
}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Certification:
    """The certificates by engine, the engine chosen, and the files that the certified ones need."""

    engine: str
    certificates: dict[str, dict[str, Any]]
    files: dict[str, bytes] = field(default_factory=dict)


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
    best = _cost(certificates[SklearnEngine.name])
    for candidate in candidates(subject.last, output, width=subject.width):
        report(f"{candidate.engine} {candidate.form}")
        certificate = judge(candidate, subject, training)
        if not _is_better(certificate, certificates.get(candidate.engine)):
            continue
        certificates[candidate.engine] = certificate
        if certificate["certified"]:
            files[candidate.spec.file] = candidate.content  # type: ignore[union-attr] # certified, so compiled
            if _cost(certificate) < best:
                best, chosen = _cost(certificate), candidate.engine
    if files:
        files[PREPROCESSING_FILE] = json.dumps(subject.preprocessor.to_dict()).encode()
    return Certification(chosen, certificates, files)


def libraries(engine: str) -> dict[str, str]:
    """Installed versions of what an engine's answers depend on; without those that are not installed."""
    found = {}
    for name in LIBRARIES[engine]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


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


def judge(candidate: Candidate, subject: Subject, training: Rows) -> dict[str, Any]:
    """The certificate of one compiled form: the verdict, the figures behind it, or why there are none."""
    certificate: dict[str, Any] = {
        "certified": False,
        "form": candidate.form,
        "reason": candidate.reason,
        "libraries": libraries(candidate.engine),
    }
    if candidate.spec is None:
        return certificate
    try:
        kernel = load_kernel(candidate.engine, candidate.content, candidate.spec)
        engine = CompiledEngine(subject.preprocessor, kernel)
        found = compare(engine.predict, subject.evidence.raw, subject.raw)
        if subject.prepared is not None:
            found += compare(kernel.predict, subject.evidence.prepared, subject.prepared)
    # A runtime may refuse what its compiler wrote; then the candidate is none.
    except Exception as error:
        return certificate | {"reason": one_line(error)}
    return (
        certificate
        | _figures(found, subject.evidence)
        | {
            "certified": found.reason is None,
            "reason": found.reason,
            "median_us": median_microseconds(engine.predict, training),
            "kernel": candidate.spec.to_dict(),
        }
    )


def _figures(found: Comparison, evidence: Evidence) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "splits": {"tried": evidence.splits_tried, "total": evidence.splits_total},
        "label_mismatches": found.label_mismatches,
        "max_difference": found.max_difference if np.isfinite(found.max_difference) else None,
    }


def _is_better(new: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """Certified beats refused; of two certified forms the first, the more exact one, gives way only to one
    that is faster by a quarter."""
    if old is None or not old["certified"]:
        return True
    return bool(new["certified"] and _cost(new) < 0.75 * _cost(old))


def _cost(certificate: dict[str, Any]) -> float:
    """Geometric mean of the medians for one row and for 100, in µs: a service answers both."""
    times = certificate["median_us"]
    return float(np.sqrt(times["1"] * times["100"]))


def _refusals(reason: str) -> dict[str, dict[str, Any]]:
    return {
        engine: {"certified": False, "reason": reason, "libraries": libraries(engine)}
        for engine in ("onnx", "treelite")
    }
