"""The console's page: a shell without data, which its modules fill through the API."""

from flask import render_template, request
from werkzeug.wrappers import Response

from app.pages import assets
from app.pages.page_response import page_response

# Nothing from elsewhere, nothing inline, and no text that becomes markup or code.
CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def console_page(*, documentation: bool) -> Response:
    """The page, with a validator; its links are relative, so that it works below any prefix.

    :param documentation: link Swagger UI.
    """
    page = render_template(
        "console.html",
        version=assets.version(),
        styles=assets.styles(),
        modules=assets.modules(),
        documentation=documentation,
        root=f"{request.root_path}/",
    )
    media_type = "text/html; charset=utf-8"
    return page_response(page, media_type, policy=CONSOLE_POLICY, cached="no-cache", vary="Accept")
