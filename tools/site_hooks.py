"""Hooks of mkdocs: pages from outside of ``docs/``, and links that hold on GitHub and on the site."""

import posixpath
import re
from typing import Any

# A page of the site is a file of the repository, or a section of it that the file's own page then leaves out.
PAGES = {
    "index.md": "README.md",
    "routes.md": "README.md#Routes",
    "project-layout.md": "README.md#Project layout",
    "all-pages.md": "docs/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security-policy.md": "SECURITY.md",
    "client.md": "client/README.md",
    "models-folder.md": "models/README.md",
    "benchmarks.md": "benchmarks/README.md",
    "sentiment-analysis.md": "examples/sentiment_analysis/README.md",
    "gunicorn-worker.md": "gunicorn_worker/README.md",
    "flask-fast.md": "app/flask_fast/README.md",
}
IMAGES = (".png", ".svg")
CODE_OR_LINK = re.compile(
    r"(?P<code>^```.*?^```|`[^`\n]+`)|(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)", re.M | re.S
)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside of ``docs/``; its index would take the address of the first page."""
    files.remove(files.get_file_from_path("README.md"))
    for page in PAGES:
        _add(files, config, page, _text(page, config))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to pages lead to the site's; links to other files become their names."""
    name = page.file.src_uri
    source = PAGES.get(name, f"docs/{name}").partition("#")[0]

    def rewritten(found: re.Match[str]) -> str:
        target = found["target"]
        if found["code"] or (re.match(r"[a-z]+:|#", target) and not _moved(source, target)):
            return found[0]
        path, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path)) if path else source
        if path.endswith(IMAGES):
            return f"{found['mark']}[{found['text']}]({_image(path, files, config)})"
        if linked := _page_of(path, anchor):
            return f"[{found['text']}]({linked})"
        plain = found["text"].strip("`")
        return f"`{path}`" if posixpath.basename(path) in plain else f"{found['text']} (`{path}`)"

    return CODE_OR_LINK.sub(rewritten, markdown)


def _page_of(path: str, anchor: str) -> str | None:
    """The page of a file of the repository with the anchor in it, or None if there is none."""
    for page, source in PAGES.items():
        file, _, section = source.partition("#")
        if file == path and section and _slug(section) == anchor:
            return page
    pages = {source: page for page, source in PAGES.items()}
    page = pages.get(path) or (
        path.removeprefix("docs/") if re.fullmatch(r"docs/[\w.-]+\.md", path) else None
    )
    return page and (f"{page}#{anchor}" if anchor else page)


def _moved(source: str, target: str) -> bool:
    """Whether a link within a file leads to a section that is a page of its own."""
    return target.startswith("#") and f"{source}{target}" in {
        f"{file}#{_slug(section)}" for file, _, section in (page.partition("#") for page in PAGES.values())
    }


def _text(page: str, config: Any) -> str:
    """The text of a page: the file without the sections that are pages, or such a section."""
    path, _, section = PAGES[page].partition("#")
    text = (_root(config) / path).read_text()
    if section:
        return f"# {section}\n" + _section(text, section)
    for other in PAGES.values():
        if other.startswith(f"{path}#"):
            heading = other.partition("#")[2]
            text = text.replace(f"\n## {heading}\n" + _section(text, heading), "\n")
    return text


def _section(text: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def _slug(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _image(path: str, files: Any, config: Any) -> str:
    """The address of an image, which is added if it lies outside of ``docs/``."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    address = f"images/{posixpath.basename(path)}"
    if files.get_file_from_path(address) is None:
        _add(files, config, address, (_root(config) / path).read_bytes())
    return address


def _add(files: Any, config: Any, address: str, content: str | bytes) -> None:
    from mkdocs.structure.files import File

    files.append(File.generated(config, address, content=content))


def _root(config: Any) -> Any:
    from pathlib import Path

    return Path(config.config_file_path).parent
