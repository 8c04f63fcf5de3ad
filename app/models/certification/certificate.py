"""The certificate of one compiled form: what it was compared with, and what came out."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from app.models.certification.comparison import Comparison, compare
from app.models.certification.evidence import Evidence
from app.models.certification.subject import Subject
from app.models.certification.timing import median_microseconds
from app.models.compilation.candidates import Candidate, one_line
from app.models.engines.kernel import CompiledEngine, load_kernel
from app.models.engines.preprocessing import Preprocessor
from app.models.rows import Rows

# What an engine's answers depend on; a certificate is void where one of these has changed.
LIBRARIES = {
    "sklearn": ("scikit-learn", "numpy"),
    "onnx": ("onnxruntime", "numpy", "scikit-learn"),
    "treelite": ("treelite", "numpy", "scikit-learn"),
}


def libraries(engine: str) -> dict[str, str]:
    """Installed versions of what an engine's answers depend on; without those that are not installed."""
    found = {}
    for name in LIBRARIES[engine]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def judge(candidate: Candidate, subject: Subject, training: Rows) -> dict[str, Any]:
    """The certificate of one compiled form: the verdict, the figures behind it, or why there are none."""
    certificate = refusal(candidate.engine, candidate.reason) | {"form": candidate.form}
    if candidate.spec is None:
        return certificate
    try:
        kernel = load_kernel(candidate.engine, candidate.content, candidate.spec)
        engine = CompiledEngine(Preprocessor() if candidate.spec.whole else subject.preprocessor, kernel)
        found = compare(engine.predict, subject.evidence.raw, subject.raw)
        if subject.prepared is not None and not candidate.spec.whole:
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


def cost(certificate: dict[str, Any]) -> float:
    """Geometric mean of the medians for one row and for 100, in µs: a service answers both."""
    times = certificate["median_us"]
    return float(np.sqrt(times["1"] * times["100"]))


def is_better(new: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """Certified beats refused; of two certified forms the first, the more exact one, gives way only to one
    that is faster by a quarter."""
    if old is None or not old["certified"]:
        return True
    return bool(new["certified"] and cost(new) < 0.75 * cost(old))


def refusal(engine: str, reason: str | None) -> dict[str, Any]:
    """The certificate of what cannot even be tried."""
    return {"certified": False, "reason": reason, "libraries": libraries(engine)}
