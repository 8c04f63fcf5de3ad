"""Versions and the traffic split, changed through the console for all clients."""

import pytest

from tests.services import gunicorn, wait_until

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def service(models, tmp_path_factory):
    with gunicorn(tmp_path_factory.mktemp("log"), MODELS_DIR=models, WORKERS=2) as service:
        yield service


@pytest.fixture
def page(visit, service):
    page = visit(service, "/#model", clock=True)
    page.wait_for_selector(".versions")
    return page


def active(service):
    return service.get("/api/model/info").json()["metadata"]["version"]


def matrix(service):
    return service.get("/api/model/info").json()["metadata"]["confusion_matrix"]["counts"]


def confirm(page, action):
    page.get_by_role("dialog").get_by_role("button", name=action).click()


def said(page, text):
    wait_until(lambda: text in page.text_content("#versions-status"))


def test_card_shows_what_serves_and_how_it_was_proven(page, service):
    card = page.inner_text("#card")
    for text in (
        "RandomForestClassifier",
        "second",
        "wine",
        "106 rows",
        "Labels equal",
        "Importance of the columns",
    ):
        assert text in card
    counts = page.eval_on_selector_all(
        ".confusion td.right", "all => all.map(each => Number(each.textContent))"
    )
    assert counts == [row[at] for at, row in enumerate(matrix(service))]


def test_regressor_shows_predicted_over_actual_values(visit, service):
    page = visit(service, "/?model=sugar#model")
    page.wait_for_selector(".scatter")
    assert page.locator(".scatter circle").count() == 442
    page.locator("#card .numbers summary").click()
    page.wait_for_selector("#card .numbers tbody")
    assert page.locator("#card .numbers tbody tr").count() == 442


def test_version_is_activated_and_rolled_back(page, service):
    assert active(service) == "second"
    page.get_by_role("button", name="Activate first").click()
    confirm(page, "Activate")
    said(page, "first is active.")
    assert page.evaluate("document.activeElement.id") == "versions-status"
    assert active(service) == "first"
    wait_until(lambda: "first" in page.text_content("#serving"))
    page.get_by_role("button", name="Roll back").click()
    confirm(page, "Roll back")
    said(page, "is active again.")
    assert active(service) == "second"


def test_version_that_others_activate_is_shown(page, service):
    service.post("/api/models/first/activate?wait=true")
    page.clock.fast_forward(6000)
    wait_until(lambda: "first" in page.text_content("#serving"))
    service.post("/api/models/rollback?wait=true")
    page.clock.fast_forward(6000)
    wait_until(lambda: "second" in page.text_content("#serving"))


def test_question_that_is_declined_changes_nothing(page, service):
    page.get_by_role("button", name="Activate first").click()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert active(service) == "second"


def test_version_is_verified(page):
    page.get_by_role("button", name="Verify first").click()
    said(page, "first passes all checks.")


def test_traffic_is_split_and_compared(page, service):
    page.select_option("#split-mode", "canary")
    page.select_option("#split-challenger", "first")
    page.focus("#split-percent")
    page.keyboard.press("Home")
    for _ in range(24):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Apply").click()
    confirm(page, "Apply")
    said(page, "The traffic split is in force.")
    routing = service.get("/api/models/routing").json()
    assert (routing["mode"], routing["challenger"], routing["percent"]) == ("canary", "first", 25.0)
    page.wait_for_selector("#split table")
    assert page.text_content("#split-now") == "first answers 25 % of the clients."
    heads = page.eval_on_selector_all("#split thead th", "all => all.map(each => each.textContent)")
    assert sorted(heads) == ["first challenger", "second champion"]
    page.select_option("#split-mode", "off")
    page.get_by_role("button", name="Apply").click()
    confirm(page, "Apply")
    wait_until(lambda: page.text_content("#split-now").startswith("The champion"))
    assert service.get("/api/models/routing").json()["mode"] == "off"


def test_shares_of_an_experiment_are_set_for_each_version(page, service):
    page.select_option("#split-mode", "ab")
    share = page.get_by_label("first", exact=True)
    share.fill("120")
    page.get_by_role("button", name="Apply").click()
    assert page.locator("dialog[open]").count() == 0  # more than all clients
    share.fill("30")
    assert page.text_content(".shares output") == "70 %"
    page.get_by_role("button", name="Apply").click()
    assert page.text_content("#confirmation-text") == "first answers 30 %, second 70 % of the clients."
    confirm(page, "Apply")
    said(page, "The traffic split is in force.")
    routing = service.get("/api/models/routing").json()
    assert (routing["mode"], routing["shares"]) == ("ab", {"first": 30.0})
    shown = "first answers 30 %, the champion 70 % of the clients."
    wait_until(lambda: page.text_content("#split-now") == shown)
    assert page.get_by_role("button", name="Remove first").count() == 0  # it is in use
    service.post("/api/models/routing?wait=true", json={"mode": "off"})


def test_version_is_removed_by_who_confirms_its_name(page, service):
    page.get_by_role("button", name="Remove first").click()
    assert page.text_content("#confirmation-title") == "Remove first?"
    page.keyboard.press("Escape")
    assert len(service.get("/api/models").json()["versions"]) == 2
    page.get_by_role("button", name="Remove first").click()
    confirm(page, "Remove first")
    said(page, "first is removed.")
    assert [each["version"] for each in service.get("/api/models").json()["versions"]] == ["second"]
