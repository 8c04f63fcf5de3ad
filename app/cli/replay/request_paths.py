"""Which route of this service takes a request of the old server?"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from app.cli.replay.reading.exchange import Exchange, NotReplayable
from app.models.serving.served_model import DEFAULT

# The name of a model in a path, and a version of the old server, which does not exist here.
NAMED = re.compile(r"^(/(?:v[12]|api)?/?models/)[^/:]+(?:/(?:versions|labels)/[^/:]+)?(?=[/:])")
SAFE = "/:%=&,"  # what is encoded already stays as it is
DATA_FRAMES = {"dataframe_split", "dataframe_records"}
COLUMNS_OR_ROWS = {"instances", "inputs"}


def path_for(exchange: Exchange, *, model: str, renamed: bool) -> str:
    """The path and query to send a request to: where it went, or else where its body belongs.

    :param model: the name of the model here.
    :param renamed: it takes the place of the name in the path, too.
    :raises NotReplayable: if no route takes such a body, or the path is malformed.
    """
    if exchange.path is None:
        return _path_of_body(exchange.request, model=quote(model, safe=""), v1=exchange.v1)
    try:
        parts = urlsplit(exchange.path)
    except ValueError:
        raise NotReplayable("with a path that is none") from None
    path = quote(f"/{parts.path.lstrip('/')}", safe=SAFE)
    if parts.query:
        path += f"?{quote(parts.query, safe=SAFE)}"
    return NAMED.sub(lambda found: found[1] + quote(model, safe=""), path) if renamed else path


def _path_of_body(body: Any, *, model: str, v1: bool) -> str:
    if not isinstance(body, dict):
        raise NotReplayable("without a path, and the request is no JSON object")
    names = body.keys()
    if _is_v2(body):
        return f"/v2/models/{model}/infer"
    if names & COLUMNS_OR_ROWS and (v1 or model != DEFAULT):
        return f"/v1/models/{model}:predict"
    if names & (DATA_FRAMES | COLUMNS_OR_ROWS):
        return "/invocations" if model == DEFAULT else f"/models/{model}/invoke"
    native = "/api" if model == DEFAULT else f"/api/models/{model}"
    if "features" in names:
        return f"{native}/predict"
    if "samples" in names:
        return f"{native}/predict/batch"
    raise NotReplayable("without a path, and no route is known for the request")


def _is_v2(body: Mapping[str, Any]) -> bool:
    tensors = body.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        return False
    return all(isinstance(each, dict) and {"name", "shape", "datatype"} <= each.keys() for each in tensors)
