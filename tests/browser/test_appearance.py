"""How the console looks, and whether everybody can use it: axe-core, in dark and light, on phone and desk."""

import os
import signal
from contextlib import contextmanager, suppress

import pytest

from tests.nginx import nginx
from tests.services import (
    GUNICORN,
    PATIENCE,
    Service,
    environment,
    free_port,
    missing,
    start,
    wait_until,
)
from tests.settings import ROOT

pytestmark = pytest.mark.server

VIEWS = {"predict": "#prediction", "batch": ".batch", "model": ".versions", "traffic": ".chart"}
SCHEMES = ("light", "dark")


@pytest.fixture(scope="session")
def axe():
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    return Axe()


def opened(visit, service, view, **options):
    """The console at one of its views, with something in it."""
    page = visit(service, f"/#{'predict' if view == 'batch' else view}", reduced_motion="reduce", **options)
    page.wait_for_selector("#example-button:enabled", state="attached")
    if view == "predict":
        page.click("#example-button")
        for column, value in {"alcohol": "12.6", "flavanoids": "1.9", "proline": "640", "hue": "3"}.items():
            page.get_by_label(column, exact=True).fill(value)
        page.click("#predict-button")
    if view == "batch":
        page.click("#batch-tab")
        page.click("#csv-example")
        page.evaluate(
            "(() => { csv.value += csv.value.slice(csv.value.indexOf('\\n')).replace('\\n', '\\nx') })()"
        )
        page.click("#batch-button")
    page.wait_for_selector(VIEWS[view])
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("view", VIEWS)
def test_everybody_can_use_it_and_it_fits_the_screen(visit, service, axe, picture, view, scheme):
    page = opened(visit, service, view, color_scheme=scheme, bypass_csp=True)  # axe-core is put into the page
    for width, height in ((1280, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        picture(page, f"{view}-{width}-{scheme}", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_dialog_is_usable_by_everybody(visit, service, axe):
    page = visit(service, bypass_csp=True)
    page.click("#key-button")
    assert axe.run(page).violations_count == 0
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "key-button"


@contextmanager
def below_a_prefix(folder, prefix, **variables):
    port = free_port()
    own = environment(APP_ENV="testing", WORKERS=1, PORT=port, SCRIPT_NAME=prefix, **variables)
    with (folder / "gunicorn.log").open("wb") as log:
        process = start(GUNICORN, cwd=ROOT, env=own, stdout=log, stderr=log)
    service = Service(port, process, folder / "gunicorn.log")
    try:
        wait_until(lambda: answers(service, f"{prefix}/api/health/ready"))
        yield service
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def answers(service, path):
    with suppress(OSError):
        return service.ask(path=path)[0] == 200
    return False


def predicts(page):
    page.click("#example-button")
    page.click("#predict-button")
    page.wait_for_selector("#prediction")


def test_it_works_below_a_prefix(visit, console_store, tmp_path):
    """With the setting, and with a slash at the end or without one."""
    with below_a_prefix(tmp_path, "/ml", MODELS_DIR=console_store) as service:
        predicts(visit(service, "/ml/"))
        predicts(visit(service, "/ml"))


def test_it_works_behind_nginx_which_closes_the_versions(visit, service, tmp_path):
    with nginx(tmp_path, service.port) as proxy:
        page = visit(proxy, expected=(403,))
        predicts(page)
        page.click("nav a[href='#model']")
        page.wait_for_selector("#versions .failure")
        assert "closed to the outside" in page.text_content("#versions")
