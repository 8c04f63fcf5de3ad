"""``GET /api/stats`` and ``/api/traffic``: the whole service since its start, and in the last ten minutes."""

from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request

from app.api.answer_schemas import StatisticsAnswer, TrafficAnswer
from app.api.description import EVENTS, described
from app.api.formats import JSON
from app.api.formats.accepted import preferred
from app.middleware.metrics import of_app
from app.middleware.metrics.statistics import summarize
from app.middleware.metrics.traffic_history import history_of

# As a reader of the stream has it: the data is an interval as JSON.
EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("id", "event", "data")}}
MARGIN = 0.3  # seconds after an interval's end, when a worker has written it

bp = Blueprint("stats", __name__)


@bp.get("/api/stats")
@described(StatisticsAnswer)
def stats() -> dict[str, Any]:
    """Requests, errors and times of the whole service since its start."""
    return summarize(of_app())


@bp.get("/api/traffic")
@described(TrafficAnswer, besides={EVENTS: EVENT}, errors=(406,))
def traffic() -> Response | dict[str, Any]:
    """The intervals since ``Last-Event-ID``, or all; a stream ends after them, and is asked for again after
    ``retry`` ms, because an open one would hold one of the server's few threads.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    wanted = preferred((EVENTS, JSON), default=EVENTS)
    history = history_of(current_app)
    events = history.events(after=request.headers.get("Last-Event-ID", 0, type=int))
    retry = round(1000 * (history.until_next() + MARGIN))
    if wanted != EVENTS:
        return {"events": events, "retry": retry}
    lines = [b"retry: %d\n\n" % retry]
    lines += [b"id: %d\ndata: %b\n\n" % (event["id"], orjson.dumps(event)) for event in events]
    return Response(b"".join(lines), content_type=EVENTS)
