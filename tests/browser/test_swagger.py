"""Swagger UI in a browser: the document is shown with a key, and an operation is tried out with it."""

import json

import pytest

from tests.services import wait_until

pytestmark = pytest.mark.server


def shown(page):
    """Wait until the operations are there."""
    page.locator(".opblock-summary-path[data-path='/api/predict']").wait_for()


def tried_out(page, path):
    """Send the example of an operation; the answer's status and body."""
    page.locator(f".opblock-summary-path[data-path='{path}']").click()
    page.locator(".opblock.is-open .execute").click()
    answer = page.locator(".opblock.is-open .live-responses-table tbody tr").first
    status = answer.locator(".response-col_status").inner_text()
    return status.split()[0], json.loads(answer.locator(".microlight").first.inner_text())


def test_operation_is_tried_out_with_a_row_of_the_training_data(visit, service, picture):
    page = visit(service, "/docs")
    shown(page)
    status, answer = tried_out(page, "/api/predict")
    assert (status, answer["success"], answer["model_version"]) == ("200", True, "second")
    picture(page, "swagger-1280-light")


def test_document_of_a_model_by_name_is_shown(visit, service):
    page = visit(service, "/docs")
    shown(page)
    page.fill("#model", "sugar")
    page.keyboard.press("Enter")
    page.get_by_text("LinearRegression").first.wait_for()


def test_key_is_used_for_the_document_and_for_trying_out_and_kept_nowhere(visit, locked, keys):
    page = visit(locked, "/docs", expected=(401,))
    wait_until(lambda: "401" in page.text_content("#state"))
    page.fill("#key", keys["predict"])
    page.keyboard.press("Enter")
    shown(page)
    status, answer = tried_out(page, "/api/predict")
    assert (status, answer["success"]) == ("200", True)
    kept = page.evaluate(
        "[document.cookie, localStorage.length, sessionStorage.length, location.href].join()"
    )
    assert keys["predict"] not in kept
    assert kept.startswith(",0,0,")
