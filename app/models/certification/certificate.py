"""The certificate of one compiled form: the comparison with the model, and its result."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from app.models.certification.comparison import BATCHES, Comparison, compare, rows_compared
from app.models.certification.model_under_test import EDGES_OUT_OF_REACH, ModelUnderTest
from app.models.certification.progress import Report, counter, silent
from app.models.certification.timing import median_microseconds
from app.models.certification.variations import FAR
from app.models.compilation.compilers import Candidate, one_line
from app.models.engines import ENGINES, MANY_ROWS
from app.models.engines.base import Engine
from app.models.engines.compiled import CompiledEngine
from app.models.engines.fallback import FallbackEngine
from app.models.engines.kernel import COMPOSED_FILE, LARGEST, Kernel, KernelSpec, load_kernel
from app.models.engines.lone import LoneEngine
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading.certificates import CERTIFICATION_RULES
from app.models.schema.rows import Rows
from app.models.schema.tolerance import CERTIFIED
from app.settings.process import give_back_memory

# Times the largest magnitude in training, behind products of matrices: their terms are powers of a row's
# numbers and may cancel.
FAR_BEHIND_PRODUCTS = 1e2
# Times the largest difference found; two classes further apart than this have a certain order.
TIE_MARGIN = 10
# Sizes of the calls that decide which engine serves, and whether another one takes those of many rows.
FEW, MANY = ("1", "100"), ("100", "10000")
# Clients send other rows on the boundary than a certificate tries: labels must follow at a part of the tie.
LABEL_MARGIN = 3


def libraries(engine: str) -> dict[str, str]:
    """Installed versions of the libraries that determine an engine's numbers."""
    found = {}
    for name in ENGINES[engine].libraries:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def certify_candidate(
    candidate: Candidate, model_under_test: ModelUnderTest, training: Rows, *, report: Report = silent
) -> dict[str, Any]:
    """The certificate of one compiled form: whether it may serve, the figures behind it, or why not.

    :param report: told how many of the rows are compared.
    """
    certificate = uncertified(candidate.engine, candidate.reason) | {"form": candidate.form}
    if candidate.spec is None:
        return certificate
    try:
        spec = replace(candidate.spec, nan=model_under_test.takes_nan)
        kernel = load_kernel(candidate.engine, candidate.content, spec)  # once: a large graph takes seconds
        give_back_memory()
        spec, found = _compare_within_limits(kernel, spec, candidate, model_under_test, report)
        median_us = median_microseconds(_serving(kernel, spec, model_under_test).predict, training)
    except Exception as error:  # a runtime may refuse its compiler's output
        return certificate | {"reason": one_line(error)}
    tried, total = model_under_test.probe_rows.splits_tried, model_under_test.probe_rows.splits_total
    proven = total if candidate.proven else 0
    reason = found.reason()
    if reason is None and max(tried, proven) < total:
        reason = f"{tried:,} of {total:,} splits were tried, and none is proven"
    if reason is None and model_under_test.hidden_trees and not candidate.proven:
        reason = EDGES_OUT_OF_REACH
    return certificate | {
        "rows": found.rows,
        "left_to_model": found.left,
        "splits": {"tried": tried, "proven": proven, "total": total},
        "label_mismatches": found.label_mismatches,
        "max_difference": found.max_difference if np.isfinite(found.max_difference) else None,
        "certified": reason is None,
        "reason": reason,
        "median_us": median_us,
        "kernel": spec.to_dict(),
    }


def _limits(candidate: Candidate, model_under_test: ModelUnderTest) -> list[tuple[float, ...]]:
    """Per column the magnitude up to which intermediate numbers stay finite, and their sums precise.

    A sum of terms ten digits larger than usual may cancel to pure rounding, which depends on the order of
    the sum. Trees compare their input and do not add it, nor may what stands before them. Of numbers of
    single precision, and large weights, a sum is rounded earlier.

    :returns: the widest limits first.
    """
    proven = LARGEST if candidate.spec and candidate.spec.whole else model_under_test.limit
    composed = candidate.spec is not None and candidate.spec.file == COMPOSED_FILE
    if candidate.proven and not composed and not model_under_test.preprocessor.rounds:
        return [(proven,)]
    widest = FAR_BEHIND_PRODUCTS if model_under_test.preprocessor.rounds else max(FAR)
    usual = model_under_test.usual
    return [tuple(min(proven, far * each) for each in usual) for far in FAR if far <= widest]


def _engine(kernel: Kernel, spec: KernelSpec, model_under_test: ModelUnderTest) -> CompiledEngine:
    return CompiledEngine(Preprocessor() if spec.whole else model_under_test.preprocessor, kernel, spec)


def _serving(kernel: Kernel, spec: KernelSpec, model_under_test: ModelUnderTest) -> Engine:
    """The engine as it will serve."""
    reference = model_under_test.reference
    if reference is None:
        return LoneEngine(_engine(kernel, replace(spec, tie=None), model_under_test))
    engine = _engine(kernel, spec, model_under_test)
    return FallbackEngine(engine, lambda: reference, on_failure=lambda name: None)


def _compare_within_limits(
    kernel: Kernel, spec: KernelSpec, candidate: Candidate, model_under_test: ModelUnderTest, report: Report
) -> tuple[KernelSpec, Comparison]:
    """Compare within the widest limits that pass, or else within the narrowest."""
    for limit in _limits(candidate, model_under_test):
        within, found = _compare_with_safe_tie(kernel, replace(spec, limit=limit), model_under_test, report)
        if found.reason() is None:
            break
    return within, found


def _compare_with_safe_tie(
    kernel: Kernel, spec: KernelSpec, model_under_test: ModelUnderTest, report: Report
) -> tuple[KernelSpec, Comparison]:
    """Compare, and once more with a wider tie if the differences found are too near to the first one."""
    found = _compare(kernel, spec, model_under_test, report)
    if spec.tie is not None and spec.tie / 2 < found.max_difference <= CERTIFIED:
        spec = replace(spec, tie=TIE_MARGIN * found.max_difference)
        found = _compare(kernel, spec, model_under_test, report)
    return spec, found


def _compare(
    kernel: Kernel, spec: KernelSpec, model_under_test: ModelUnderTest, report: Report
) -> Comparison:
    probe_rows, output = model_under_test.probe_rows, model_under_test.output
    batches = tuple(size for size in BATCHES if size >= MANY_ROWS or not ENGINES[kernel.name].batches)
    if spec.tie is not None:
        spec = replace(spec, tie=spec.tie / LABEL_MARGIN)
    engine = _engine(kernel, spec, model_under_test)
    total = sum(rows_compared(len(rows), batches) for rows in (probe_rows.raw, probe_rows.prepared))
    like: dict[str, Any] = {"batches": batches, "advance": counter(report, f"{kernel.name} compared", total)}
    found = compare(engine.attempt, probe_rows.raw, model_under_test.raw, output, **like)
    if model_under_test.prepared is not None and not spec.whole:
        # The limits of the raw columns say nothing about those that are made of several of them.
        limit = (LARGEST,) if model_under_test.preprocessor.rounds else spec.limit
        last_step = CompiledEngine(Preprocessor(), kernel, replace(spec, limit=limit))
        prepared = probe_rows.prepared
        found += compare(last_step.attempt, prepared, model_under_test.prepared, output, **like)
    return found


def cost(certificate: dict[str, Any], sizes: Sequence[str] = FEW) -> float:
    """Geometric mean of the medians for calls of these sizes, in µs."""
    return float(np.prod([certificate["median_us"][size] for size in sizes]) ** (1 / len(sizes)))


def is_better(new: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """Certified beats uncertified; a later, less exact form must be faster by a quarter."""
    if old is None or not old["certified"]:
        return True
    return bool(new["certified"] and cost(new) < 0.75 * cost(old))


def uncertified(engine: str, reason: str | None) -> dict[str, Any]:
    """The certificate of an engine that cannot be compared."""
    return {
        "certified": False,
        "reason": reason,
        "libraries": libraries(engine),
        "rules": CERTIFICATION_RULES,
    }
