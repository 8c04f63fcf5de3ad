"""What the service answers, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model_service_client.errors import ServerError
from model_service_client.transport import Answer


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one row.

    A classifier has ``confidence`` (the highest probability) and ``probabilities`` by class, where the model
    has any; an outlier detector ``score``; a transformer ``outputs`` in place of a prediction. A model of
    several targets has lists. ``warnings`` name values far outside of the training data.
    """

    prediction: Any = None
    confidence: Any = None
    probabilities: Any = None
    score: float | None = None
    outputs: list[float] | None = None
    version: str | None = None
    request_id: str | None = None
    warnings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one column adds to the margin; ``value`` is the row's, as it was used."""

    name: str
    value: Any
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a row is predicted as it is: ``margin`` = ``base_value`` + all contributions + ``others``.

    ``scale`` is the unit of these numbers, such as ``log_odds``; ``base_value`` the average over the training
    data; ``label`` the class that is explained, of classifiers only. ``others`` sums up the columns that
    ``contributions``, the largest first, do not name.
    """

    prediction: Prediction
    method: str
    scale: str
    label: Any
    base_value: float
    margin: float
    contributions: tuple[Contribution, ...]
    others: float


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the service can predict, and with which version."""

    healthy: bool
    version: str | None


def prediction_of(result: Mapping[str, Any], envelope: Mapping[str, Any]) -> Prediction:
    """A prediction from a row's result and the members around all results."""
    get = result.get
    warnings = envelope.get("warnings") or ()
    return Prediction(
        get("prediction"),
        get("confidence"),
        get("probabilities"),
        get("score"),
        get("outputs"),
        envelope.get("model_version"),
        envelope.get("request_id"),
        [{key: value for key, value in each.items() if key != "row"} for each in warnings],
    )


def explanation_of(document: Mapping[str, Any]) -> Explanation:
    """:raises ServerError: if the answer explains nothing."""
    result = document["result"]
    try:
        found = result["explanation"]
        return Explanation(
            prediction=prediction_of(result, document),
            method=found["method"],
            scale=found["scale"],
            label=found.get("class"),
            base_value=found["base_value"],
            margin=found["margin"],
            contributions=tuple(Contribution(**each) for each in found["contributions"]),
            others=found["others"],
        )
    except (KeyError, TypeError) as error:
        raise ServerError(f"The answer has no explanation: {error!r}", status=200) from error


def document_of(answer: Answer) -> dict[str, Any]:
    """The object of JSON that was answered.

    :raises ServerError: if it is none, so that another server than the service answered.
    """
    try:
        document = json.loads(answer.data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        kind = answer.headers.get("Content-Type", "no type")
        raise ServerError(f"The answer is not the service's: {kind} of {len(answer.data)} bytes", status=200)
    return document


def member(document: dict[str, Any], name: str) -> Any:
    """What the answer has by a name; raises as `document_of` does."""
    if name not in document:
        raise ServerError(f"The answer is not the service's: it has no {name}", status=200)
    return document[name]
