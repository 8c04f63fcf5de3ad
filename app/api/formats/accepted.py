"""The format of an answer, by what the client accepts."""

from collections.abc import Callable
from typing import Any

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import NotAcceptable

from app.api.formats import JSON, SYNONYMS, resolved
from app.api.formats.json_codec import LAYOUTS
from app.exceptions import InvalidInput
from app.models.prediction import Prediction

# From a prediction, the members besides the rows, the outputs asked for, and the errors of rows by position.
Encode = Callable[[Prediction, dict[str, Any], tuple[str, ...], dict[int, Any]], bytes]
# Encoders of tables: those of all but NDJSON have no room for the errors of rows.
TABLES = {
    "text/csv": "app.api.formats.csv_codec:encode",
    "application/vnd.apache.arrow.stream": "app.api.formats.arrow_codec:encode_stream",
    "application/vnd.apache.arrow.file": "app.api.formats.arrow_codec:encode_file",
    "application/vnd.apache.parquet": "app.api.formats.arrow_codec:encode_parquet",
    "application/x-npy": "app.api.formats.npy_codec:encode",
}
NDJSON = "application/x-ndjson"


def accepted_format(*, by_row: bool = False) -> tuple[str, Encode]:
    """Media type, as the client calls it, and encoder of the answer: JSON unless it prefers another one.

    :param by_row: errors of single rows go with the answer.
    :raises NotAcceptable: if the client accepts none of them; the message lists them.
    :raises InvalidInput: for an unknown ``format`` of JSON, or errors of rows in a table.
    """
    named = preferred()
    if (media_type := SYNONYMS.get(named, named)) == JSON:
        layout = request.args.get("format", "rows") if request.environ.get("QUERY_STRING") else "rows"
        if layout not in LAYOUTS:
            raise InvalidInput([{"field": "format", "reason": "must be rows or columns"}])
        return JSON, LAYOUTS[layout]
    if media_type == NDJSON:
        encode_lines = resolved("app.api.formats.ndjson_codec:encode")
        return named, lambda prediction, _, outputs, rejected: encode_lines(prediction, outputs, rejected)
    if by_row:
        reason = f"errors of single rows are answered as JSON or NDJSON, not {media_type}"
        raise InvalidInput([{"field": "errors", "reason": reason}])
    encode = resolved(TABLES[media_type])
    return named, lambda prediction, _, outputs, __: encode(prediction, outputs)


def preferred(known: tuple[str, ...] = (JSON, *TABLES, NDJSON), *, default: str = JSON) -> str:
    """The media type that the client prefers, whatever its parameters, as the client calls it (`SYNONYMS`);
    ``default`` if it accepts any.

    :raises NotAcceptable: if it accepts none of the ``known`` ones; the message lists them.
    """
    accept = request.environ.get("HTTP_ACCEPT")
    if accept in (None, "", "*/*", default):  # nearly always
        return default
    accepted = MIMEAccept([(name.partition(";")[0], quality) for name, quality in request.accept_mimetypes])
    first = (default, *known)  # of those that are accepted alike, such as by */*
    names = (*first, *(name for name in SYNONYMS if SYNONYMS[name] in known))
    if (best := accepted.best_match(names)) is None:
        raise NotAcceptable(f"The answer can be {', '.join(known)}")
    return best
