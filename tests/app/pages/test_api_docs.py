"""``GET /docs``: a page without other hosts and without inline scripts, only where there are pages."""

import gzip
import re

import pytest

from app.pages.api_docs import ASSETS, SCRIPTS
from tests.app.middleware.auth.credentials import KEY
from tests.assertions import assert_error

OTHER_HOST = re.compile(r"""(?:src|href|action)\s*=\s*["']?(?:[a-z]+:)?//""")


@pytest.fixture
def client(build_app):
    return build_app(API_KEY_1=KEY).test_client()


def directives(response):
    policy = response.headers["Content-Security-Policy"]
    return {name: values for name, *values in (each.split() for each in policy.split(";"))}


def test_page_is_open_and_names_no_other_host(client):
    response = client.get("/docs")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    text = response.get_data(as_text=True)
    assert not OTHER_HOST.search(text)
    assert re.findall(r"<script[^>]*>(.*?)</script>", text) == ["", ""]
    assert "<style" not in text
    assert " style=" not in text


def test_every_file_of_the_page_is_served_from_below_it(client):
    text = client.get("/docs").get_data(as_text=True)
    names = re.findall(r'(?:src|href)="docs/([^"]+)"', text)
    assert sorted(names) == sorted((*ASSETS, *SCRIPTS))
    for name in names:
        response = client.get(f"/docs/{name}")
        assert response.status_code == 200
        assert len(response.data) > 100


def test_page_may_load_and_ask_its_own_host_alone(client):
    found = directives(client.get("/docs"))
    assert found.pop("img-src") == ["'self'", "data:"]
    assert found.pop("default-src") == ["'none'"]
    assert all(values in (["'self'"], ["'none'"]) for values in found.values())


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/docs/swagger-ui-bundle.js"])
def test_page_and_files_have_the_other_headers_too(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_files_of_the_package_are_kept_by_browsers_and_the_page_is_asked_for_again(client):
    assert client.get("/docs").headers["Cache-Control"] == "no-cache"
    response = client.get("/docs/swagger-ui.css")
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    again = client.get("/docs/swagger-ui.css", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_files_are_compressed_for_who_takes_it(client):
    answer = client.get("/docs/swagger-ui.css", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == client.get("/docs/swagger-ui.css").data


@pytest.mark.parametrize("name", ["swagger-ui.js", "..%2f__init__.py", "index.html", "none"])
def test_nothing_else_of_the_package_is_served(client, name):
    assert_error(client.get(f"/docs/{name}"), 404, "not_found")


def test_key_stays_in_the_memory_of_the_tab(client):
    script = client.get("/docs/docs.js").get_data(as_text=True)
    for place in ("localStorage", "sessionStorage", "document.cookie", "history.", "location.hash"):
        assert place not in script


def test_there_is_no_page_where_there_is_to_be_none(build_app):
    client = build_app(CONSOLE="false").test_client()
    assert_error(client.get("/docs"), 404, "not_found")
    assert_error(client.get("/docs/docs.js"), 404, "not_found")
