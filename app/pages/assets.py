"""Assets of the console: modules, style and icon, below a path that changes with them."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from app.api.description import TEXT, described
from app.pages.page_response import file_response

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
    cached = FOREVER if release == version() else ASKED_AGAIN
    return file_response(contents()[name], MEDIA_TYPES[Path(name).suffix], cached=cached)
