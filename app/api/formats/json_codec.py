"""JSON: strict, with exact integers."""

import json
from typing import Any

import orjson

from app.api.formats.body_size import SHORT, check_values
from app.api.schemas import Body, BodySchema, ExactFloat, RoundedInteger
from app.exceptions import InvalidInput
from app.models.prediction import Prediction
from app.models.schema.signature import InputSignature

MALFORMED = "The body is not valid JSON"
REJECTED = "Validation failed"


class Json:
    """The codec of ``application/json``."""

    def decode(self, raw: bytes, schema: BodySchema, signature: InputSignature | None) -> Body:
        """See `Codec`; a document without rows is loaded as its own schema says."""
        if len(raw) > SHORT and signature is not None:
            check_values(raw, signature)
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            reason = error.msg.partition(": line")[0]
            where = {"line": error.lineno, "column": error.colno, "reason": reason}
            raise InvalidInput([where], message=MALFORMED) from None
        try:
            body: Body = schema.load(document)
        except RoundedInteger:
            # orjson reads integers below -2**63 and from 2**64 as floats; the standard parser does not.
            try:
                document = json.loads(raw, parse_float=ExactFloat)
            except RecursionError:  # it stops at about 1,000 levels, orjson at 1,024
                raise InvalidInput([{"reason": "depth limit exceeded"}], message=MALFORMED) from None
            body = schema.load(document)
        return body

    def encode(
        self, prediction: Prediction, envelope: dict[str, Any], *, single: bool, rejected: dict[int, Any]
    ) -> bytes:
        """``result`` for one row, else ``results`` by ``sample_id`` and their ``count``."""
        results = prediction.to_dicts()
        if single:
            return orjson.dumps({"success": True, "result": results[0], **envelope})
        predicted = iter(results)
        samples = [
            {"sample_id": position, "error": REJECTED, "details": {"errors": rejected[position]}}
            if position in rejected
            else {"sample_id": position, **next(predicted)}
            for position in range(len(results) + len(rejected))
        ]
        return orjson.dumps({"success": True, "results": samples, "count": len(samples), **envelope})
