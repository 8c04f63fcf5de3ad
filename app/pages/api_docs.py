"""``GET /docs``: Swagger UI from the files of flask-swagger-ui, with no host beside this one."""

from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

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
@described(TEXT, media=("text/html",), others={304: None})
def page() -> BaseResponse:
    """Swagger UI, a page for browsers."""
    return _file(OWN, PAGE, cache="no-cache")


@bp.get("/docs/<asset>")
@described(TEXT, media=MEDIA, others={304: None})
def assets(asset: str) -> BaseResponse:
    """A file of the page."""
    if asset in SCRIPTS:
        return _file(OWN, asset, cache="no-cache")
    if asset not in ASSETS:
        raise NotFound
    return _file(Path(str(files("flask_swagger_ui"))) / "dist", asset, cache=f"public, max-age={HOUR}")


def _file(folder: Path, name: str, *, cache: str) -> BaseResponse:
    """Read whole, by a name that is one of those above."""
    media_type, _ = guess_type(name)
    content = (folder / name).read_bytes()
    response = Response(content, mimetype=media_type, headers=page_headers(POLICY, cache=cache))
    response.add_etag()
    return response.make_conditional(request)
