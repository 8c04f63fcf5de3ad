"""What the console says where something is missing: a model, a key, a scope, patience, the service itself."""

import shutil

import pytest

from tests.services import free_port, gunicorn, wait_until

pytestmark = pytest.mark.server


def use_key(page, key):
    page.get_by_role("button", name="Enter a key").first.click()
    page.fill("#key-input", key)
    page.keyboard.press("Enter")


def later(page, condition):
    """Wait until so, while the page's seconds are shorter."""

    def so():
        page.clock.fast_forward(5000)
        return condition()

    wait_until(so)


def notice(page, text):
    wait_until(lambda: text in page.text_content("#notice"))


def test_key_is_asked_for_and_a_wrong_one_is_said(visit, locked, keys):
    page = visit(locked, expected=(401,))
    assert page.get_by_role("link", name="OpenAPI document").is_visible()
    notice(page, "This service asks for a key.")
    assert "scope “predict”" in page.text_content("#notice")
    use_key(page, "a-key-that-nobody-made-up")
    notice(page, "The service does not know this key.")
    use_key(page, keys["predict"])
    page.click("#example-button")
    page.click("#predict-button")
    page.wait_for_selector("#prediction")
    assert page.is_hidden("#notice")
    assert keys["predict"] not in page.content()
    stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]
    page.reload()
    notice(page, "This service asks for a key.")


@pytest.mark.parametrize(
    ("view", "region", "scope"), [("model", "#versions", "admin"), ("traffic", "#traffic-status", "metrics")]
)
def test_part_without_its_scope_says_which_it_needs(visit, locked, keys, view, region, scope):
    page = visit(locked, f"/#{view}", expected=(401, 403))
    use_key(page, keys["predict"])
    wait_until(lambda: f"scope “{scope}”" in page.text_content(region))


def test_without_a_model_the_page_says_so_and_follows_when_there_is_one(visit, models, folder):
    empty = folder / "empty"
    with gunicorn(folder, MODELS_DIR=empty, WORKERS=1) as service:
        page = visit(service, expected=(503,), clock=True)
        notice(page, "No model is loaded.")
        assert page.is_disabled("#predict-button")
        shutil.copytree(models / "model_second", empty / "model_second")
        shutil.copy(models / "active.json", empty / "active.json")
        later(page, lambda: page.is_visible("#prediction"))
        assert page.is_hidden("#notice")
        page.close()


def test_limit_is_said_with_its_time(visit, models, folder):
    with gunicorn(folder, MODELS_DIR=models, WORKERS=1, RATE_LIMIT="3/hour") as service:
        page = visit(service, expected=(429,))
        page.wait_for_selector("#prediction")
        page.click("#predict-button")
        page.wait_for_selector("#answer:not([aria-busy])")
        page.click("#predict-button")
        page.wait_for_selector("#answer .failure")
        assert "Too many requests." in page.text_content("#answer")
        assert "The limit is 3 requests. Try again in" in page.text_content("#answer")
        page.close()


def test_service_that_is_gone_is_said_and_found_again(visit, models, folder):
    port = free_port()
    options = {"MODELS_DIR": models, "WORKERS": 1, "PORT": port}
    with gunicorn(folder, **options) as service:
        page = visit(service, expected=(0,), clock=True)
        page.wait_for_selector("#prediction")
    page.click("#predict-button")
    page.wait_for_selector("#answer .failure")
    assert "The service does not answer." in page.text_content("#answer")
    later(page, lambda: "The service does not answer." in page.text_content("#notice"))
    with gunicorn(folder, **options):
        later(page, lambda: page.is_hidden("#notice"))
        page.click("#predict-button")
        page.wait_for_selector("#prediction")
        page.close()
