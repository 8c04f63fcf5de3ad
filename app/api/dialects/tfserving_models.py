"""What TensorFlow Serving says of a model: the status of its versions, and their signatures."""

from typing import Any

from app.exceptions import ModelNotLoaded, ServiceError, VersionNotFound
from app.models.schema.cells import kind_of
from app.models.schema.signature import Feature, OutputSignature
from app.models.serving.further_outputs import PREDICT, PREDICT_PROBA, own_outputs
from app.models.serving.overview import loaded_versions
from app.models.serving.served_model import ServedModel

METADATA_TYPE = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
METHOD = "tensorflow/serving/predict"
CHAMPIONS, CHALLENGERS = ("champion", "stable"), ("challenger", "canary")
DTYPES: dict[type, str] = {bool: "DT_BOOL", int: "DT_INT64", float: "DT_DOUBLE", str: "DT_STRING"}


class LabelNotFound(ServiceError):
    """No version has that label now."""

    error_type = "not_found"

    def __init__(self, label: str) -> None:
        known = "champion and stable name the active version, challenger and canary that of the traffic split"
        super().__init__(f"No version has the label {label[:64]!r}: {known}")


class NotExplained(ServiceError):
    """A client asked for explanations."""

    error_type = "not_found"
    message = "The models of this service have no explainer"


def version_of(served_model: ServedModel, version: str | None, label: str | None) -> str | None:
    """The version that a path names, or None if it leaves that open.

    :raises LabelNotFound: if it names a label that no version has.
    """
    split = served_model.traffic_router.split
    if label is None:
        return version
    if label in CHAMPIONS:
        return served_model.model.version
    if label in CHALLENGERS and split is not None and len(split.split.shares) == 1:
        return next(iter(split.split.shares))
    raise LabelNotFound(label)


def status_of(served_model: ServedModel, name: str, version: str | None) -> dict[str, Any]:
    """The status of one version, or of all that can answer.

    :raises ModelNotLoaded: if there is none.
    :raises VersionNotFound: if that one cannot.
    """
    if not (loaded := loaded_versions(served_model)):
        raise ModelNotLoaded
    if version is not None and version not in loaded:
        raise VersionNotFound(version)
    ok = {"error_code": "OK", "error_message": ""}
    names = loaded if version is None else [version]
    versions = [{"version": each, "state": "AVAILABLE", "status": ok} for each in names]
    return {"name": name, "ready": True, "model_version_status": versions}


def metadata_of(served_model: ServedModel, name: str, version: str | None) -> dict[str, Any]:
    """``signature_def`` of a version, by default the active one, in the JSON form of the protocol buffers.

    :raises VersionNotFound: if it cannot answer.
    """
    model = loaded_versions(served_model).get(version or served_model.model.version)
    if model is None:
        raise VersionNotFound(str(version))
    inputs = {
        each.name: _tensor(each.name, _dtype_of_input(each), ("-1",)) for each in model.signature.features
    }
    signatures = {
        output: {
            "inputs": inputs,
            "outputs": {output: _output_tensor(output, model.output)},
            "method_name": METHOD,
        }
        for output in own_outputs(model)
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": model.version},
        "metadata": {
            "signature_def": {
                "@type": METADATA_TYPE,
                "signature_def": {"serving_default": next(iter(signatures.values())), **signatures},
            }
        },
    }


def _tensor(name: str, dtype: str, sizes: tuple[str, ...]) -> dict[str, Any]:
    dimensions = [{"size": size, "name": ""} for size in sizes]
    return {"name": name, "dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": False}}


def _dtype_of_input(feature: Feature) -> str:
    if feature.kind == "boolean":
        return DTYPES[bool]
    if feature.kind == "number":
        return DTYPES[int if feature.whole else float]
    return DTYPES[kind_of(feature.categories)]


def _output_tensor(name: str, output: OutputSignature) -> dict[str, Any]:
    if name == PREDICT and (output.classes or output.targets):
        labels = output.classes or tuple(label for target in output.targets for label in target)
        sizes = ("-1",) if output.classes else ("-1", str(len(output.targets)))
        return _tensor(name, DTYPES[kind_of(labels)], sizes)
    if name == PREDICT:
        several = len(output.center) > 1
        dtype = DTYPES[int if output.whole else float]
        return _tensor(name, dtype, ("-1", str(len(output.center))) if several else ("-1",))
    if name == PREDICT_PROBA:
        width = len(output.classes) or sum(map(len, output.targets))
        return _tensor(name, DTYPES[float], ("-1", str(width)))
    return _tensor(name, DTYPES[float], ("-1",) if output.scored else ("-1", "-1"))
