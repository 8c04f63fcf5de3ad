"""What a caller is told of a loaded model, all of it out of its metadata."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.models.loading.loader import LoadedVersion

SHOWN = ("version", "saved_at", "metrics", "libraries", "files", "certificates")


def describe(model: "LoadedVersion") -> dict[str, Any]:
    """Type, input, output, parameters and provenance; keys as in the API's ``/model/info``."""
    metadata = model.metadata
    features = model.signature.to_dict()["features"]
    return {
        "model_type": metadata["model_type"],
        "task": model.output.task,
        "n_features": metadata["n_features"],
        "n_classes": metadata["n_classes"],
        "classes": metadata["classes"],
        "feature_names": metadata["feature_names"],
        "features": features,
        "feature_importance": metadata["feature_importance"],
        "model_params": metadata["params"],
        "metadata": {key: metadata.get(key) for key in SHOWN} | {"engine": model.engine.name},
    }
