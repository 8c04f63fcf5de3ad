"""The console's page: a shell without data, which its modules fill through the API."""

from flask import Response, current_app, render_template, request

from app.pages import assets
from app.pages.page_headers import page_headers

# Nothing from elsewhere, nothing inline, and no text that becomes markup or code.
CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def console_page() -> Response:
    """The page, with a validator; its links are relative, so that it works below any prefix."""
    known = {rule.rule for rule in current_app.url_map.iter_rules()}
    page = render_template(
        "console.html",
        version=assets.version(),
        styles=assets.styles(),
        modules=assets.modules(),
        documentation="/docs" in known,
        root=f"{request.root_path}/",
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers.update(page_headers(CONSOLE_POLICY, cache="no-cache"))
    response.vary.add("Accept")
    response.add_etag()
    response.make_conditional(request)
    return response
