"""The console as a browser is given it; `tests/browser` looks at it through one."""

import gzip
import re

import pytest

from app.middleware.security_headers import HEADERS
from app.pages import assets

HTML = {"Accept": "text/html"}
MOST_BYTES = 60_000  # of the page and all that it loads, compressed
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:")
ELSEWHERE = re.compile(r"""(?:src|href|import|from|url)\W{1,3}(?:https?:)?//""")


@pytest.fixture
def browser(build_app):
    return build_app().test_client()


def links(page):
    """What the page loads, as relative links."""
    return sorted(set(re.findall(r'(?:src|href)="(assets/[^"]+)"', page)))


def test_page_and_all_assets_are_small(browser):
    page = browser.get("/", headers=HTML)
    bodies = [page.data, *(browser.get(f"/{link}").data for link in links(page.text))]
    assert sum(len(gzip.compress(body)) for body in bodies) <= MOST_BYTES


def test_page_loads_every_asset_and_every_asset_is_there(browser):
    loaded = links(browser.get("/", headers=HTML).text)
    assert {f"/{link}" for link in loaded} == set(assets.paths())
    assert {browser.get(f"/{link}").status_code for link in loaded} == {200}


def test_page_has_a_strict_policy_and_the_other_headers(browser):
    answer = browser.get("/", headers=HTML)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    others = {
        name: value for name, value in HEADERS if name not in ("Content-Security-Policy", "Cache-Control")
    }
    assert others.items() <= dict(answer.headers).items()
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(browser):
    page = browser.get("/", headers=HTML).text
    assert not INLINE.findall(page)
    for text in (page, *(content.decode() for content in assets.contents().values())):
        assert not ELSEWHERE.findall(text)


def test_no_text_becomes_markup():
    for name, content in assets.contents().items():
        assert not re.search(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", content), (
            name
        )


def test_modules_are_small_and_say_what_they_are_about():
    for name in assets.modules():
        text = assets.contents()[name].decode()
        assert text.startswith("/** "), name
        assert len(text.splitlines()) <= 200, name


def test_key_is_put_into_no_storage():
    for name, content in assets.contents().items():
        assert not re.search(rb"localStorage|sessionStorage|indexedDB|document\.cookie", content), name


def test_unchanged_page_is_not_sent_again(browser):
    first = browser.get("/", headers=HTML)
    assert first.headers["Cache-Control"] == "no-cache"
    assert "Accept" in first.vary
    again = browser.get("/", headers={**HTML, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
