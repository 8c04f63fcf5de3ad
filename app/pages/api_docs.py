"""``GET /docs``: Swagger UI from the files of flask-swagger-ui, with no host beside this one."""

from functools import cache
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from app.api.description import TEXT, described
from app.pages.page_response import file_response

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
@described(TEXT, media=("text/html",), others={304: None})
def page() -> Response:
    """Swagger UI, a page for browsers."""
    return _file(OWN, PAGE, cached="no-cache")


@bp.get("/docs/<asset>")
@described(TEXT, media=MEDIA, others={304: None})
def assets(asset: str) -> Response:
    """A file of the page."""
    if asset in SCRIPTS:
        return _file(OWN, asset, cached="no-cache")
    if asset not in ASSETS:
        raise NotFound
    return _file(Path(str(files("flask_swagger_ui"))) / "dist", asset, cached=f"public, max-age={HOUR}")


def _file(folder: Path, name: str, *, cached: str) -> Response:
    media_type, _ = guess_type(name)
    charset = "; charset=utf-8" if str(media_type).startswith("text/") else ""
    return file_response(_content(folder / name), f"{media_type}{charset}", policy=POLICY, cached=cached)


@cache
def _content(path: Path) -> bytes:
    """A file, whose name is one of those above, read once in the life of the process."""
    return path.read_bytes()
