"""orjson as Flask's JSON provider."""

from typing import Any

import orjson
from flask.json.provider import JSONProvider
from flask.wrappers import Response


class OrjsonProvider(JSONProvider):
    """Strict JSON both ways: NaN is refused in a request and never written to a response."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj, option=orjson.OPT_SERIALIZE_NUMPY).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        content = orjson.dumps(self._prepare_response_obj(args, kwargs))
        return Response(content, mimetype="application/json")
