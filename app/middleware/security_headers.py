"""What a browser may do with an answer: nothing but hand it to the page that asked."""

from flask import Flask, Response

POLICY = "Content-Security-Policy"
HEADERS = (
    (POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)


def init_app(app: Flask) -> None:
    """Add the headers to every answer."""
    app.after_request(protect)


def protect(response: Response) -> Response:
    """Set the headers, unless the view brought a policy of its own, as a web page does."""
    headers = response.headers
    if not headers.getlist(POLICY):
        for name, value in HEADERS:
            headers.add(name, value)
    return response
