"""The explainer of a loaded version, made at the first request that asks, and gone with the version."""

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from app.exceptions import ServiceError
from app.models.engines.fallback import OriginalMissing
from app.models.explaining.explanation import Explainer, NotExplainable, explanations
from app.models.explaining.linear_margins import LinearMargins
from app.models.explaining.prepared_rows import preparation
from app.models.loading.loader import LoadedVersion
from app.models.repository.store import ModelStore
from app.models.repository.version_files import EXPLANATION, EXPLANATION_FILE
from app.models.schema.rows import Rows

log = logging.getLogger(__name__)

_explainers: WeakKeyDictionary[LoadedVersion, Explainer | str] = WeakKeyDictionary()
_making = Lock()


def explain(
    model: LoadedVersion, store: ModelStore, rows: Rows, predicted: Sequence[Any], *, columns: int
) -> list[dict[str, Any]]:
    """Explain the answers of a version, one document per row.

    :param store: that the version lies in.
    :param predicted: the values of the output of its engine for the rows.
    :param columns: how many columns are named.
    :raises NotExplainable: if the version's model has no exact explanation, or what it needs is not here.
    """
    found = explainer_of(model, store)
    signatures: dict[str, Any] = {"input": model.signature, "output": model.output}
    try:
        return explanations(found, rows, predicted, columns=columns, **signatures)
    except NotExplainable:
        raise
    except Exception as error:  # of shap or of a custom transformer, anything
        log.exception("no explanation", extra={"model_version": model.version})
        raise NotExplainable(f"this row cannot be explained: {type(error).__name__}") from error


def explainer_of(model: LoadedVersion, store: ModelStore) -> Explainer:
    """The version's explainer, the same one for each request.

    :raises NotExplainable: as `explain` does.
    """
    if (found := _explainers.get(model)) is None:
        with _making:  # for which no version waits whose explainer is there: it may take a minute
            if (found := _explainers.get(model)) is None:
                found = _explainers[model] = _made(model, store)
    if isinstance(found, str):
        raise NotExplainable(found)
    return found


def _made(model: LoadedVersion, store: ModelStore) -> Explainer | str:
    """An explainer, or the reason why there is none."""
    recorded = model.metadata.get(EXPLANATION, {})
    try:
        if "reason" in recorded:
            raise NotExplainable(recorded["reason"])
        if recorded.get("method") == "linear":
            return _linear(model, store)
        return _of_trees(model, store)
    except NotExplainable as error:
        return str(error)
    except (OriginalMissing, ServiceError) as error:
        return f"the original model of the version is needed, and not here: {error}"
    except Exception as error:  # of shap or of a custom model, anything
        log.exception("no explainer", extra={"model_version": model.version})
        return f"an explainer cannot be made: {type(error).__name__}"


def _linear(model: LoadedVersion, store: ModelStore) -> Explainer:
    recorded, signature = model.metadata[EXPLANATION], model.signature
    margins = LinearMargins.from_bytes(store.read(model.version, EXPLANATION_FILE, model.metadata))
    prepare = preparation(model.engine, signature, steps=recorded.get("steps"))
    width = len(signature.features)  # the function must not hold the version, with which it goes
    return Explainer("linear", recorded["scale"], lambda rows: margins.attribute(prepare(rows), width=width))


def _of_trees(model: LoadedVersion, store: ModelStore) -> Explainer:
    from app.models.explaining import tree_explainer  # brings scikit-learn, and shap

    parts = model.engine, model.signature, model.output, model.metadata
    if model.metadata.get(EXPLANATION, {}).get("recorded"):
        content = store.read(model.version, EXPLANATION_FILE, model.metadata)
        return tree_explainer.recorded_tree_explainer(content, *parts)
    return tree_explainer.tree_explainer(*parts)
