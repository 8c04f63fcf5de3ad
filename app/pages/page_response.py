"""Answers that browsers may keep and ask for again, and pages, which may do more than answers of the API."""

import gzip
from functools import cache

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse

from app.middleware.security_headers import HEADERS, POLICY


def page_response(
    content: str | bytes,
    media_type: str,
    *,
    policy: str | None = None,
    cached: str = "private, no-cache",
    etag: str | None = None,
    vary: str | None = None,
    coding: str | None = None,
) -> BaseResponse:
    """An answer with the headers that every one has, and a validator: 304 where the browser has it already.

    :param policy: of its own; by default that of all answers.
    :param cached: a rule for caches of its own.
    :param etag: of the content, where it is known.
    :param vary: the request header that it depends on.
    :param coding: of the content.
    """
    own = {"Cache-Control": cached} | ({} if policy is None else {POLICY: policy})
    response = Response(content, content_type=media_type, headers={**dict(HEADERS), **own})
    if vary is not None:
        response.vary.add(vary)
    if coding is not None:
        response.content_encoding = coding
    if etag is None:
        response.add_etag()
    else:
        response.set_etag(etag)
    return response.make_conditional(request)


def file_response(content: bytes, media_type: str, **options: str) -> BaseResponse:
    """The same for a file, compressed where the browser takes that.

    :param content: the same object for each request.
    """
    if request.accept_encodings["gzip"]:
        content, options = zipped(content), {"coding": "gzip", **options}
    return page_response(content, media_type, vary="Accept-Encoding", **options)


@cache
def zipped(content: bytes) -> bytes:
    """A file, compressed once in the life of the process."""
    return gzip.compress(content, mtime=0)
