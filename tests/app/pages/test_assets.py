import gzip

import pytest

from app.middleware.route_table import ROUTE_TABLE
from app.pages import assets
from tests.app.middleware.auth.credentials import KEY

SCRIPT = f"/assets/{assets.version()}/main.js"


@pytest.fixture
def browser(build_app):
    return build_app().test_client()


def test_asset_is_kept_for_ever_because_its_path_changes_with_it(browser):
    answer = browser.get(SCRIPT)
    assert (answer.mimetype, answer.data) == ("text/javascript", assets.contents()["main.js"])
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_asset_of_another_version_is_asked_for_again(browser):
    answer = browser.get("/assets/0123456789ab/main.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_asset_is_compressed_for_who_takes_it(browser):
    answer = browser.get(SCRIPT, headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == assets.contents()["main.js"]
    assert "Content-Encoding" not in browser.get(SCRIPT).headers
    assert "Accept-Encoding" in answer.vary


def test_unchanged_asset_is_not_sent_again(browser):
    tag = browser.get(SCRIPT).headers["ETag"]
    again = browser.get(SCRIPT, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "name", ["nothing.js", "../assets.py", "..%2fassets.py", "%2e%2e/home.py", "/etc/passwd", ""]
)
def test_no_other_file_is_reached(browser, name):
    assert browser.get(f"/assets/{assets.version()}/{name}").status_code == 404


def test_assets_need_no_key_and_count_towards_no_limit(build_app):
    app = build_app(API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1)
    assert set(assets.paths()) <= app.extensions[ROUTE_TABLE].exempt
    assert [app.test_client().get(path).status_code for path in assets.paths()[:3]] == [200] * 3


def test_without_the_console_there_are_none(build_app):
    assert build_app(CONSOLE="false").test_client().get(SCRIPT).status_code == 404


def test_swagger_has_files_of_its_own(browser):
    assert not [name for name in assets.contents() if "docs" in name or "swagger" in name]
    assert browser.get(f"/assets/{assets.version()}/swagger/docs.js").status_code == 404


def test_style_of_the_page_comes_before_those_of_its_parts():
    assert assets.styles()[0] == "console.css"
    assert len(assets.styles()) == 4
