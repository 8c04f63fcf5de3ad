"""What a browser may do with an answer: nothing but hand it to the page that asked."""

from flask import Flask, Response

POLICY = "Content-Security-Policy"
HEADERS = (
    (POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)
NO_STORE = ("Cache-Control", "no-store")


def init_app(app: Flask) -> None:
    """Add the headers to every answer."""
    app.after_request(protect)


def protect(response: Response) -> Response:
    """Set what the view has not set: a page brings a policy of its own, and may allow to be stored."""
    headers = response.headers
    if POLICY not in headers:
        headers.extend(HEADERS)
    if "Cache-Control" not in headers:
        headers.add(*NO_STORE)
    return response
