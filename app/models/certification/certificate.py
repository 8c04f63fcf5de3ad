"""The certificate of one compiled form: what it was compared with, and what came out."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from app.models.certification.comparison import Comparison, compare
from app.models.certification.evidence import LARGEST
from app.models.certification.subject import Subject
from app.models.certification.timing import median_microseconds
from app.models.compilation.candidates import Candidate, one_line
from app.models.engines.compiled import CompiledEngine
from app.models.engines.fallback import FallbackEngine
from app.models.engines.kernel import KernelSpec, load_kernel
from app.models.engines.preprocessing import Preprocessor
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.loading import CERTIFICATION_RULES
from app.models.rows import Rows
from app.models.tolerance import CERTIFIED

# What an engine's answers depend on; a certificate is void where one of these has changed.
LIBRARIES = {
    "sklearn": ("scikit-learn", "numpy"),
    "onnx": ("onnxruntime", "numpy", "scikit-learn"),
}


# Times the largest magnitude in training: beyond it the model itself is asked.
FAR = 1e6
# How many times the largest difference found two classes must be apart for their order to be sure.
TIE_MARGIN = 10


def libraries(engine: str) -> dict[str, str]:
    """Installed versions of what an engine's answers depend on; without those that are not installed."""
    found = {}
    for name in LIBRARIES[engine]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def certify_candidate(candidate: Candidate, subject: Subject, training: Rows) -> dict[str, Any]:
    """The certificate of one compiled form: whether it may serve, the figures behind it, or why not."""
    certificate = uncertified(candidate.engine, candidate.reason) | {"form": candidate.form}
    if candidate.spec is None:
        return certificate
    spec = replace(candidate.spec, limit=_limits(candidate, subject), nan=subject.takes_nan)
    try:
        found = _compare(candidate, spec, subject)
        if (
            spec.tie is not None
            and 2 * found.max_difference > spec.tie
            and not found.max_difference > CERTIFIED
        ):
            spec = replace(spec, tie=TIE_MARGIN * found.max_difference)
            found = _compare(candidate, spec, subject)
        engine = _engine(candidate, spec, subject)
        original = SklearnEngine(subject.estimator, subject.signature, subject.output)
        serving = FallbackEngine(engine, lambda: original, on_failure=lambda name: None)
        median_us = median_microseconds(serving.predict, training)
    # A runtime may refuse what its compiler wrote; then the candidate is none.
    except Exception as error:
        return certificate | {"reason": one_line(error)}
    evidence = subject.evidence
    proven = evidence.splits_total if candidate.proven else 0
    reason = found.reason()
    if reason is None and max(evidence.splits_tried, proven) < evidence.splits_total:
        reason = (
            f"{evidence.splits_tried:,} of {evidence.splits_total:,} splits were tried, and none is proven"
        )
    return certificate | {
        "rows": found.rows,
        "left_to_model": found.left,
        "splits": {"tried": evidence.splits_tried, "proven": proven, "total": evidence.splits_total},
        "label_mismatches": found.label_mismatches,
        "max_difference": found.max_difference if np.isfinite(found.max_difference) else None,
        "certified": reason is None,
        "reason": reason,
        "median_us": median_us,
        "kernel": spec.to_dict(),
    }


def _limits(candidate: Candidate, subject: Subject) -> tuple[float, ...]:
    """Per column the magnitude up to which numbers stay finite on their way, and sums of them precise.

    A sum of terms that are ten digits larger than usual may cancel out to what is nothing but rounding, and
    two ways of summing up round differently. Trees compare, and do not add what they are given.
    """
    proven = LARGEST if candidate.spec and candidate.spec.whole else subject.limit
    if candidate.proven:
        return (proven,)
    return tuple(min(proven, FAR * usual) for usual in subject.usual)


def _engine(candidate: Candidate, spec: KernelSpec, subject: Subject) -> CompiledEngine:
    kernel = load_kernel(candidate.engine, candidate.content, spec)
    return CompiledEngine(Preprocessor() if spec.whole else subject.preprocessor, kernel)


def _compare(candidate: Candidate, spec: KernelSpec, subject: Subject) -> Comparison:
    engine = _engine(candidate, spec, subject)
    found = compare(engine.attempt, subject.evidence.raw, subject.raw, subject.output)
    if subject.prepared is not None and not spec.whole:
        last_step = CompiledEngine(Preprocessor(), load_kernel(candidate.engine, candidate.content, spec))
        found += compare(last_step.attempt, subject.evidence.prepared, subject.prepared, subject.output)
    return found


def cost(certificate: dict[str, Any]) -> float:
    """Geometric mean of the medians for one row and for 100, in µs: a service answers both."""
    times = certificate["median_us"]
    return float(np.sqrt(times["1"] * times["100"]))


def is_better(new: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """Certified beats uncertified; of two certified forms the first, the more exact one, gives way only to
    one that is faster by a quarter."""
    if old is None or not old["certified"]:
        return True
    return bool(new["certified"] and cost(new) < 0.75 * cost(old))


def uncertified(engine: str, reason: str | None) -> dict[str, Any]:
    """The certificate of what cannot even be tried."""
    return {
        "certified": False,
        "reason": reason,
        "libraries": libraries(engine),
        "rules": CERTIFICATION_RULES,
    }
