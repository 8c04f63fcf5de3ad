"""The traffic view, while requests come in."""

import pytest

from tests.services import gunicorn, wait_until

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def service(models, tmp_path_factory):
    with gunicorn(tmp_path_factory.mktemp("log"), MODELS_DIR=models, WORKERS=2) as service:
        yield service


def test_chart_moves_without_being_asked(visit, service):
    row = service.get("/api/model/info").json()["example"]
    page = visit(service, "/#traffic")
    page.wait_for_selector(".chart")
    drawn = "document.querySelector('.chart .line')?.getAttribute('d') ?? ''"
    before = page.evaluate(drawn)
    for _ in range(40):
        service.post("/api/predict/fast", json={"features": row})
    for _ in range(5):
        service.post("/api/predict", json={"features": "none"})
    wait_until(lambda: page.evaluate(drawn) not in (before, ""))
    wait_until(lambda: "invalid input 5" in page.inner_text("#charts"))
    figures = dict(
        page.eval_on_selector_all(
            "#traffic-figures > div", "all => all.map(each => [...each.children].map(one => one.textContent))"
        )
    )
    assert figures["Errors"] in {"11.1 %", "10.9 %", "10.6 %"}  # 5 of 45, and of those of the page itself
    assert figures["From the cache"] in {"97.5 %", "95.0 %"}  # each worker has a cache of its own
    assert page.get_attribute(".chart >> nth=2", "aria-label") == "Errors: invalid input 5"
    page.locator("#charts summary").nth(2).click()
    figure = page.locator("#charts figure >> nth=2")
    figure.locator("tbody").wait_for()
    assert sum(map(int, figure.locator("td").all_text_contents())) == 5
    page.reload()
    wait_until(lambda: "invalid input 5" in page.inner_text("#charts"))
