"""Assets of the console: modules, style and icon, below a path that changes with them."""

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app.api.description import TEXT, described
from app.pages.page_headers import page_headers

FOLDER = Path(__file__).parent / "static" / "console"
PREFIX = "/assets"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
FOREVER = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"

bp = Blueprint("assets", __name__)


@cache
def contents() -> dict[str, bytes]:
    """Each file by its path below the folder; no request reaches a file that is not here."""
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in MEDIA_TYPES)
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in files}


@cache
def version() -> str:
    """A hash over all files, as they import each other."""
    return sha256(repr(contents()).encode()).hexdigest()[:12]


@cache
def zipped(name: str) -> bytes:
    """A file, compressed once in the life of the process."""
    return gzip.compress(contents()[name], mtime=0)


def modules() -> list[str]:
    """The JavaScript modules, which the page loads at once instead of one after the other."""
    return [name for name in contents() if name.endswith(".js")]


def styles() -> list[str]:
    """The style sheets, that of the whole page before those of its parts."""
    return sorted((name for name in contents() if name.endswith(".css")), key=lambda name: name.count("/"))


def paths() -> list[str]:
    """The path of each file of this version."""
    return [f"{PREFIX}/{version()}/{name}" for name in contents()]


@bp.get(f"{PREFIX}/<release>/<path:name>")
@described(TEXT, media=tuple(MEDIA_TYPES.values()), others={304: None})
def asset(release: str, name: str) -> Response:
    """A file of the console; another version's, as during an upgrade, is to be asked for again."""
    if name not in contents():
        raise NotFound
    response = Response(content_type=MEDIA_TYPES[Path(name).suffix])
    caching = FOREVER if release == version() else ASKED_AGAIN
    response.headers.update(page_headers(cache=caching))
    if request.accept_encodings["gzip"]:
        response.data, response.content_encoding = zipped(name), "gzip"
    else:
        response.data = contents()[name]
    response.vary.add("Accept-Encoding")
    response.add_etag()
    response.make_conditional(request)
    return response
