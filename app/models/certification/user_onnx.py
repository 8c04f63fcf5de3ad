"""Certification of a user's own ONNX graph, beside the compiled ones."""

import json
from dataclasses import replace
from typing import Any

from app.models.certification.certificate import certify_candidate, cost, is_better, uncertified
from app.models.certification.certify import Certification
from app.models.certification.model_under_test import (
    EDGES_OUT_OF_REACH,
    ModelUnderTest,
    analyse,
    analyse_whole,
)
from app.models.compilation import NotCompilable
from app.models.compilation.compilers import Candidate, check_labels, one_line
from app.models.compilation.pipeline_preprocessing import split
from app.models.compilation.user_onnx import LAST_STEP, WHOLE, user_onnx_candidates
from app.models.repository.version_files import PREPROCESSING_FILE
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature


def with_user_onnx(
    found: Certification,
    graph: bytes,
    estimator: Any,
    signature: InputSignature,
    output: OutputSignature,
    training: Rows,
) -> Certification:
    """Certify the graph as one more candidate: it serves if it passes and is faster by a quarter.

    ``supplied`` holds the graph's certificate in any case, with ``serves``: whether it was chosen. ``graph``:
    the bytes of the ONNX file; the other parameters are those of `certify`.
    """
    try:
        model_under_test = _analysed(estimator, signature, output, training)
    except Exception as error:  # a custom estimator may fail on rows unlike its training data
        return replace(found, supplied=uncertified("onnx", one_line(error)) | {"serves": False})
    candidate, certificate = _certify_graph(graph, model_under_test, training)
    found = replace(found, supplied=certificate | {"serves": False})
    compiled = found.certificates.get("onnx", {"certified": False})
    if candidate.spec is None or not certificate["certified"] or not is_better(certificate, compiled):
        return found
    certificates = found.certificates | {"onnx": certificate}
    own = compiled.get("kernel", {}).get("file")
    files = {name: content for name, content in found.files.items() if name != own}
    files[PREPROCESSING_FILE] = json.dumps(model_under_test.preprocessor.to_dict()).encode()
    files[candidate.spec.file] = candidate.content
    fastest = min(("onnx", found.engine), key=lambda engine: cost(certificates[engine]))
    beside = found.batch_engine if fastest == found.engine else None
    return Certification(fastest, certificates, files, certificate | {"serves": fastest == "onnx"}, beside)


def _analysed(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> ModelUnderTest:
    """The model in parts, or as a whole if its parts have no compiled form.

    :raises NotCompilable: if neither is possible.
    """
    try:
        return analyse(estimator, signature, output, training)
    except NotCompilable:
        if not _all_numbers(signature):
            raise
        return analyse_whole(estimator, signature, output, training)


def _certify_graph(
    graph: bytes, model_under_test: ModelUnderTest, training: Rows
) -> tuple[Candidate, dict[str, Any]]:
    """The candidate that passes, with its certificate; else the first one with the reasons against all."""
    tried = []
    for candidate in user_onnx_candidates(graph, model_under_test.output, widths=_widths(model_under_test)):
        probe_rows = model_under_test.probe_rows
        candidate = _with_labels(candidate, model_under_test)
        if candidate.form == WHOLE and len(probe_rows.prepared) and not probe_rows.edges_raw:
            reason = f"{EDGES_OUT_OF_REACH}: export the last step alone"
            candidate = replace(candidate, spec=None, reason=reason)
        certificate = certify_candidate(candidate, model_under_test, training)
        if certificate["certified"]:
            return candidate, certificate
        tried.append((candidate, certificate))
    if len(tried) == 1:
        return tried[0]
    reasons = "; ".join(f"as {candidate.form}: {certificate['reason']}" for candidate, certificate in tried)
    return tried[0][0], tried[0][1] | {"reason": reasons}


def _with_labels(candidate: Candidate, model_under_test: ModelUnderTest) -> Candidate:
    """The candidate, uncertified if its labels do not follow from its numbers."""
    try:
        check_labels(split(model_under_test.last)[1], model_under_test.output)
    except NotCompilable as error:
        return replace(candidate, spec=None, reason=candidate.reason or str(error))
    return candidate


def _widths(model_under_test: ModelUnderTest) -> dict[str, int]:
    """Number of columns by the part of the pipeline that a graph may replace."""
    widths = {LAST_STEP: model_under_test.width}
    if model_under_test.last is model_under_test.estimator or not _all_numbers(model_under_test.signature):
        return widths
    return {WHOLE: len(model_under_test.signature.features)} | widths


def _all_numbers(signature: InputSignature) -> bool:
    return all(feature.kind == "number" for feature in signature.features)
