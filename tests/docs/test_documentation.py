"""The pages of the documentation name files, pages and headings that exist."""

import re

import pytest

from tests.settings import ROOT

PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").glob("*.md")})
OUTSIDE = ("http://", "https://")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FOLDERS = "app|benchmarks|client|deploy|docs|examples|gunicorn_worker|tests"
NAMED_PATH = re.compile(
    rf"(?<![\w/.>-])((?:{FOLDERS})/[\w./-]*|[\w.-]+\.(?:py|md|toml|txt|yml|conf))(?![\w/*<])"
)


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def links(page):
    """The relative links of a page."""
    found = re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", page.read_text()))
    return [target for target in found if not target.startswith(OUTSIDE)]


def dead(page, target):
    """Whether a link leads to no file, or to no heading of it."""
    path, _, anchor = target.partition("#")
    linked = page.parent / path if path else page
    return not linked.exists() or (anchor and anchor not in anchors(linked.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_heading(page):
    assert [target for target in links(page) if dead(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_exists(page):
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text()))
    assert named <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_path_named_exists(name):
    named = set(NAMED_PATH.findall((ROOT / name).read_text()))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_a_class_of_the_glossary_stands_in_its_file():
    glossary = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Glossary\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `([^`]+)` \|$", glossary, re.MULTILINE)
    assert len(rows) > 40
    for term, where in rows:
        path = ROOT / where
        files = path.rglob("*.py") if path.is_dir() else [path]
        source = "".join(file.read_text() for file in files)
        for name in re.findall(r"`([A-Z]\w+)`", term):
            assert re.search(rf"^class {name}\b", source, re.MULTILINE), name


def test_the_index_has_every_page():
    linked = links(ROOT / "docs" / "README.md")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - set(linked) == set()
