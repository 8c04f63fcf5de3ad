"""The site of the documentation builds without a warning and loads nothing from another host."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.services import missing
from tests.settings import ROOT
from tools.site_hooks import PAGES

OTHER_HOST = re.compile(
    r"""<(?:script|img|iframe|source|embed|object|link|use)\b[^>]*?(?:src|href|data)=["']?(?:https?:)?//[^>]*>"""
    r"""|@import\s*(?:url\()?["']?(?:https?:)?//|url\(["']?(?:https?:)?//[^)]*\)"""
)


def build(config, target):
    """Build the site into a folder."""
    if find_spec("material") is None:
        missing("mkdocs-material is not installed: make docs")
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--config-file", config, "--site-dir", target],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    target = tmp_path_factory.mktemp("site") / "site"
    built = build(ROOT / "mkdocs.yml", target)
    assert built.returncode == 0, built.stderr
    return target


def pages(site):
    return {path.name: path.read_text() for path in site.glob("*.html")}


def test_every_page_is_built_and_found_by_the_search(site):
    expected = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} | set(PAGES)
    built = {name.replace(".html", ".md") for name in pages(site)}
    assert expected <= built
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {entry["location"].partition("#")[0].replace(".html", ".md") for entry in index["docs"]}
    assert expected <= found


def test_nothing_is_loaded_from_another_host(site):
    documents = [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    assert len(documents) > 30
    found = {path.name: OTHER_HOST.findall(path.read_text()) for path in documents}
    assert {name: loads for name, loads in found.items() if loads} == {}


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="https://unpkg.com/x"></script>',
        "<link rel=preconnect href=//fonts.gstatic.com crossorigin>",
        '@import url("https://a/b.css")',
        "a { background: url(https://a/b.png) }",
    ],
)
def test_a_load_from_another_host_would_be_seen(markup):
    assert OTHER_HOST.search(markup)
    assert not OTHER_HOST.search('<a href="https://keepachangelog.com">x</a><script src="assets/x.js">')


def test_a_link_to_a_file_that_is_no_page_becomes_its_name(site):
    settings = pages(site)["settings.html"]
    assert "<code>.env.example</code> lists" in settings
    assert not re.search(r'href="[^"]*\.env\.example', settings)


def test_sections_of_the_readme_are_pages_and_links_lead_there(site):
    built = pages(site)
    assert "GET /api/health/live" in built["routes.html"]
    assert "GET /api/health/live" not in built["index.html"]
    assert 'href="project-layout.html"' in built["architecture.html"]
    assert 'href="security.html#api-keys"' in built["deployment.html"]


def copied(folder):
    """What the site is made of, elsewhere."""
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    for source in {"mkdocs.yml", *(source.partition("#")[0] for source in PAGES.values())}:
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, folder / source)
    shutil.copytree(ROOT / "benchmarks" / "results", folder / "benchmarks" / "results")
    return folder


def test_a_dead_link_stops_the_build(tmp_path):
    folder = copied(tmp_path / "copy")
    (folder / "client" / "README.md").write_text("# A client\n\n[errors](../docs/errors.md#nowhere)\n")
    built = build(folder / "mkdocs.yml", tmp_path / "site")
    assert built.returncode != 0
    assert "does not contain an anchor '#nowhere'" in built.stderr
