"""``GET /docs``: Swagger UI from the files of flask-swagger-ui, with no host beside this one."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound

from app.api.description import TEXT, described
from app.pages.page_headers import page_headers

# Nothing of another host, no inline script. Swagger UI's own style sheet has its pictures in it, as data.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OWN = Path(__file__).with_name("static") / "swagger"
PAGE = "docs.html"
SCRIPTS = ("docs.js", "docs.css")
ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
HOUR = 3600  # s: after an upgrade a browser asks again within an hour; before, it asks nothing
MEDIA = ("text/javascript", "text/css", "image/png")

bp = Blueprint("docs", __name__)


@bp.get("/docs")
@described(TEXT, media=("text/html",))
def page() -> Response:
    """Swagger UI, a page for browsers."""
    return _file(OWN, PAGE, cache="no-cache")


@bp.get("/docs/<asset>")
@described(TEXT, media=MEDIA, others={304: None})
def assets(asset: str) -> Response:
    """A file of the page."""
    if asset in SCRIPTS:
        return _file(OWN, asset, cache="no-cache")
    if asset not in ASSETS:
        raise NotFound
    return _file(Path(str(files("flask_swagger_ui"))) / "dist", asset, cache=f"public, max-age={HOUR}")


def _file(folder: Path, name: str, *, cache: str) -> Response:
    response = send_from_directory(folder, name)
    response.headers.update(page_headers(POLICY, cache=cache))
    return response
