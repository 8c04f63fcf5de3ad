"""What the Open Inference Protocol says of models: versions, tensors and statistics."""

from collections.abc import Iterator
from typing import Any

from app.api.dialects.open_inference.v2_elements import BYTES
from app.exceptions import ModelError, ModelNotFound, StoreUnreadable, VersionNotServed
from app.middleware.draining import draining
from app.middleware.metrics import of_app
from app.middleware.metrics.queries import Families, total
from app.models.loading.loader import LoadedVersion
from app.models.ml_models import model_manager
from app.models.schema.cells import kind_of
from app.models.schema.model_input import OBJECT_INTEGERS
from app.models.schema.signature import Feature
from app.models.serving.further_outputs import PREDICT, TRANSFORM, own_outputs
from app.models.serving.overview import loaded_versions, readiness
from app.models.serving.served_model import DEFAULT, ServedModel

MATRIX = "input-0"
TYPES = {int: "INT64", bool: "BOOL", float: "FP64"}
INTEGERS = ("int", "uint", OBJECT_INTEGERS)  # dtypes of columns, of pandas' and pyarrow's own too
ENGINE_SECONDS = "prediction_duration_seconds"


def loaded_version(served_model: ServedModel, version: str | None) -> LoadedVersion:
    """A version that can predict, by default the one that serves.

    :raises ModelNotLoaded: if the model has none.
    :raises VersionNotServed: if this one is not loaded.
    """
    model = served_model.model
    if version is None or version == model.version:
        return model
    if (found := loaded_versions(served_model).get(version)) is None:
        raise VersionNotServed(version)
    return found


def check_ready() -> None:
    """:raises ModelError: if the server drains, or one of its models cannot predict."""
    if draining():
        raise ModelError("The server is about to stop")
    registry = model_manager.registry
    default, *others = readiness(registry)
    # Without a version the default one is no model, if there are others.
    usable = default["ready"] or (others and not registry.default.store.versions())
    if not usable or not all(each["ready"] for each in others):
        raise ModelError("Not all models are ready")


def names() -> list[str]:
    """The models of the app, the default one first."""
    return [DEFAULT, *model_manager.registry.names()]


def metadata(name: str, version: str | None) -> dict[str, Any]:
    """The model's versions, and its tensors as those of ``version``; -1 is any number.

    A model of an array of numbers takes one matrix, any other one a tensor for each column.
    """
    served_model = model_manager.registry[name]
    model = loaded_version(served_model, version)
    signature = model.signature
    if signature.layout == "array" and signature.numeric:
        names = {"columns": list(signature.names)}
        inputs = [tensor(MATRIX, "FP64", len(signature.features)) | {"parameters": names}]
    else:
        inputs = [tensor(feature.name, datatype(feature), 1) for feature in signature.features]
    return {
        "name": name,
        "versions": list(loaded_versions(served_model)),
        "platform": model.engine.name,
        "inputs": inputs,
        "outputs": list(_outputs(model)),
    }


def tensor(name: str, datatype: str, width: int) -> dict[str, Any]:
    """A tensor of any number of rows."""
    return {"name": name, "datatype": datatype, "shape": [-1, width]}


def datatype(feature: Feature) -> str:
    """The datatype of a column."""
    if feature.kind == "number":
        whole = feature.whole or (feature.dtype or "").lower().startswith(INTEGERS)
        return "INT64" if whole else "FP64"
    return "BOOL" if feature.kind == "boolean" else TYPES.get(kind_of(feature.categories), BYTES)


def _outputs(model: LoadedVersion) -> Iterator[dict[str, Any]]:
    output = model.output
    for name in own_outputs(model):
        if name == PREDICT:
            labels = output.classes or tuple(label for target in output.targets for label in target)
            number = "INT64" if output.whole or output.scored else "FP64"
            width = len(output.targets) or len(output.center) or 1
            datatype = TYPES.get(kind_of(labels), BYTES) if labels else number
            yield tensor(name, datatype, 1 if output.scored else width)
        elif name == TRANSFORM:
            yield tensor(name, "FP64", len(output.center) or -1)
        else:
            columns = len(output.classes) or sum(map(len, output.targets))
            yield tensor(name, "FP64", 1 if output.scored else columns)


def statistics(name: str | None, version: str | None) -> dict[str, Any]:
    """Rows, calls of the engine and their time since the start of the service, over all workers.

    :param name: of a model, None for all.
    :param version: None for all that are loaded.
    """
    families = of_app().collect()
    found = []
    for each in [name] if name is not None else names():
        try:
            served_model = model_manager.registry[each]
        except (ModelNotFound, StoreUnreadable):
            if name is not None:
                raise
            continue  # removed in the meantime, or not served
        wanted = [loaded_version(served_model, version).version] if version else loaded_versions(served_model)
        found += [_statistics(families, each, one) for one in wanted]
    return {"model_stats": found}


def _statistics(families: Families, name: str, version: str) -> dict[str, Any]:
    label = version if name == DEFAULT else f"{name}/{version}"
    calls = int(total(families, f"{ENGINE_SECONDS}_count", version=label))
    nanoseconds = int(total(families, f"{ENGINE_SECONDS}_sum", version=label) * 1e9)
    duration = {"count": calls, "ns": nanoseconds}
    return {
        "name": name,
        "version": version,
        "inference_count": int(total(families, "prediction_rows_total", version=label)),
        "execution_count": calls,
        "inference_stats": {"success": duration, "compute_infer": duration},
        "batch_stats": [],
    }
