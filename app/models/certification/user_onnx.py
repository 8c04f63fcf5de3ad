"""Certify an ONNX graph that came with a model, next to those that this project compiles."""

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
from app.models.repository.store import PREPROCESSING_FILE
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
    """A certification with one candidate more: it serves if it passes, and is the fastest by a quarter.

    Its certificate is in ``supplied`` either way, with ``serves``: whether it was chosen.

    :param graph: the bytes of the ONNX file.
    :param training: rows of the training data that conform to ``signature``.
    """
    try:
        model_under_test = _examine(estimator, signature, output, training)
    except NotCompilable as error:
        return replace(found, supplied=_refusal(str(error)))
    except Exception as error:  # an estimator of one's own may fail on rows that are unlike its training data
        return replace(found, supplied=_refusal(one_line(error)))
    candidate, certificate = _judge(graph, model_under_test, training)
    found = replace(found, supplied=certificate | {"serves": False})
    if candidate.spec is None or not certificate["certified"]:
        return found
    compiled = found.certificates.get("onnx", {"certified": False})
    if not is_better(certificate, compiled):
        return found
    certificates = found.certificates | {"onnx": certificate}
    own = compiled.get("kernel", {}).get("file")
    files = {name: content for name, content in found.files.items() if name != own}
    files[PREPROCESSING_FILE] = json.dumps(model_under_test.preprocessor.to_dict()).encode()
    files[candidate.spec.file] = candidate.content
    fastest = min(("onnx", found.engine), key=lambda engine: cost(certificates[engine]))
    return Certification(fastest, certificates, files, certificate | {"serves": fastest == "onnx"})


def _examine(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> ModelUnderTest:
    """The model taken apart, or as a whole if its parts have no compiled form.

    :raises NotCompilable: if it is no use as a whole either.
    """
    try:
        return analyse(estimator, signature, output, training)
    except NotCompilable:
        if not _all_numbers(signature):
            raise
        return analyse_whole(estimator, signature, output, training)


def _judge(
    graph: bytes, model_under_test: ModelUnderTest, training: Rows
) -> tuple[Candidate, dict[str, Any]]:
    """The graph with its certificate, as whatever it passes for; else the reasons against all of it."""
    tried = []
    for candidate in user_onnx_candidates(graph, model_under_test.output, widths=_widths(model_under_test)):
        probe_rows = model_under_test.probe_rows
        candidate = _with_labels(candidate, model_under_test)
        if candidate.form == WHOLE and len(probe_rows.prepared) and not probe_rows.edges_raw:
            candidate = replace(
                candidate, spec=None, reason=f"{EDGES_OUT_OF_REACH}: export the last step alone"
            )
        certificate = certify_candidate(candidate, model_under_test, training)
        if certificate["certified"]:
            return candidate, certificate
        tried.append((candidate, certificate))
    if len(tried) == 1:
        return tried[0]
    reasons = "; ".join(f"as {candidate.form}: {certificate['reason']}" for candidate, certificate in tried)
    return tried[0][0], tried[0][1] | {"reason": reasons}


def _with_labels(candidate: Candidate, model_under_test: ModelUnderTest) -> Candidate:
    """The candidate, or the reason why its labels cannot be read off its numbers."""
    try:
        check_labels(split(model_under_test.last)[1], model_under_test.output)
    except NotCompilable as error:
        return replace(candidate, spec=None, reason=candidate.reason or str(error))
    return candidate


def _refusal(reason: str) -> dict[str, Any]:
    return uncertified("onnx", reason) | {"serves": False}


def _widths(model_under_test: ModelUnderTest) -> dict[str, int]:
    """How many columns a graph takes, by what it may stand for."""
    widths = {LAST_STEP: model_under_test.width}
    if model_under_test.last is model_under_test.estimator:
        return widths
    whole = (
        {WHOLE: len(model_under_test.signature.features)} if _all_numbers(model_under_test.signature) else {}
    )
    return whole | widths


def _all_numbers(signature: InputSignature) -> bool:
    return all(feature.kind == "number" for feature in signature.features)
