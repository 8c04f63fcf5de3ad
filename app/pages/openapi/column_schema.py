"""JSON Schema of one input column: what a request may have there, and what the training data have."""

import math
from typing import Any

from app.models.schema.cells import EXACT_INTEGER, kind_of
from app.models.schema.dates import DAYS, TIME
from app.models.schema.signature import Feature, Label
from app.pages.openapi.schema_parts import NULL, JsonSchema, some

TYPES: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}
MOST_EXAMPLES = 24  # categories of a column that takes others too
# A day of the calendar, in leap years too.
DAY = (
    r"(({year})-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    r"|({leap})-02-29)"
)
ANY_YEAR = (
    r"(?:0[1-9]|[1-9]\d)\d\d|00(?:0[1-9]|[1-9]\d)",
    r"(?:0[48]|[2468][048]|[13579][26])00|\d\d(?:0[48]|[2468][048]|[13579][26])",
)
# Those that nanoseconds since 1970 reach.
NEAR_YEAR = (
    r"16(?:7[89]|[89]\d)|1[7-9]\d\d|2[01]\d\d|22(?:[0-5]\d|6[01])",
    r"16(?:[8][048]|9[26])|1[7-9](?:0[48]|[2468][048]|[13579][26])|2[01](?:0[48]|[2468][048]|[13579][26])|2000"
    r"|22(?:0[48]|[24][048]|[135][26]|60)",
)
# By the unit of the column: what may follow the day.
CLOCK = {
    "D": r"T00:00(:00)?",
    "h": r"T([01]\d|2[0-3]):00(:00)?",
    "m": r"T([01]\d|2[0-3]):[0-5]\d(:00)?",
    "s": r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?",
    "ms": r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{3})?)?",
}
FINEST = r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{3}|\.\d{6})?)?"
ZONE = r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"


def column_schema(feature: Feature, *, bounds: tuple[float, float] | None = None) -> JsonSchema:
    """What a cell of the column may be.

    :param bounds: lowest and highest number that is not rejected, where outliers are; the categories of the
        training data are then all that there are.
    """
    alternatives = _alternatives(feature, bounds)
    if feature.nullable:
        alternatives.append(NULL)
    return some(alternatives)


def documented(feature: Feature, example: Any) -> JsonSchema:
    """What the training data say of the column, which constrains nothing."""
    found: JsonSchema = {"examples": [example]}
    statistics = feature.statistics
    if feature.kind == "number" and statistics.get("min") is not None:
        low, high = statistics["min"], statistics["max"]
        found["description"] = f"{low:g} to {high:g} in the training data"
        found["x-training-range"] = [low, high]
    elif feature.categories and feature.open:
        found["examples"] = [example, *(each for each in feature.categories if each != example)][
            :MOST_EXAMPLES
        ]
        found["description"] = (
            f"{len(feature.categories)} categories in the training data; others are taken too"
        )
    return found


def _alternatives(feature: Feature, bounds: tuple[float, float] | None) -> list[JsonSchema]:
    if feature.kind == "number":
        return [_number(feature, bounds)]
    if feature.kind == "boolean":
        return [{"type": "boolean"}, {"type": "integer", "enum": [0, 1]}]
    if feature.kind == "date":
        return [_date(feature)]
    return _labels(feature, closed=not feature.open or (bounds is not None and bool(feature.categories)))


def _number(feature: Feature, bounds: tuple[float, float] | None) -> JsonSchema:
    found: JsonSchema = {"type": "number"}
    if feature.whole:
        found = {"type": "integer", "minimum": -EXACT_INTEGER, "maximum": EXACT_INTEGER}
    if bounds is not None and math.isfinite(bounds[0]):
        low, high = bounds
        found |= {"minimum": math.ceil(low) if feature.whole else low}
        found |= {"maximum": math.floor(high) if feature.whole else high}
    return found


def _labels(feature: Feature, *, closed: bool) -> list[JsonSchema]:
    """Numbers are taken for their texts, and 0 and 1 for truth values, as `cells.Categories` takes them."""
    known = feature.categories
    kinds = dict.fromkeys(TYPES[type(label)] for label in known) or {"string": None}
    found: list[JsonSchema] = []
    for kind in kinds:
        own: list[Label] = [label for label in known if TYPES[type(label)] == kind]
        if kind == "boolean" and not feature.open and len(own) < 2:
            found.append({"enum": own})
        else:
            found.append({"type": kind, "enum": own} if closed and kind != "boolean" else {"type": kind})
    if "number" in kinds and "string" not in kinds:
        found.append({"type": "string", "enum": [str(label) for label in known]})
    if list(kinds) == ["boolean"]:
        found.append(
            {"type": "integer", "enum": sorted({int(label) for label in known} if closed else {0, 1})}
        )
    return found


def _date(feature: Feature) -> JsonSchema:
    if feature.dtype in DAYS:
        return {"type": "string", "format": "date"}
    found = TIME.fullmatch(feature.dtype or "")
    unit, zoned = (found["unit"], bool(found["zone"])) if found else ("us", False)
    year, leap = NEAR_YEAR if unit == "ns" else ANY_YEAR
    day, clock = DAY.format(year=year, leap=leap), CLOCK.get(unit, FINEST)
    pattern = f"^{day}{clock}{ZONE}$" if zoned else f"^{day}({clock})?$"
    return {"type": "string", "pattern": pattern}


def label_schema(labels: tuple[Label, ...]) -> JsonSchema:
    """One of these labels."""
    kind = kind_of(labels)
    if kind is bool:
        return {"type": "boolean"}
    same = all(type(label) is kind for label in labels)
    types = {int: "integer", float: "number", str: "string"}
    return {"type": types[kind], "enum": list(labels)} if same else {"enum": list(labels)}
