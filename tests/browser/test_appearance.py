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

VIEWS = {"predict": ".waterfall", "batch": ".batch", "model": ".versions", "traffic": ".chart"}
SCHEMES = ("light", "dark")


@pytest.fixture(scope="session")
def violations():
    """What axe-core finds on a page, which keeps its policy: axe-core runs in a world of its own."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    source = f"{Axe().axe_script}; axe.run({{resultTypes: ['violations']}}).then(found => found.violations)"

    def violations(page):
        session = page.context.new_cdp_session(page)
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
        call = {"expression": source, "contextId": world, "awaitPromise": True, "returnByValue": True}
        answer = session.send("Runtime.evaluate", call)
        session.detach()
        assert "exceptionDetails" not in answer, answer
        return [(each["id"], [node["html"] for node in each["nodes"]]) for each in answer["result"]["value"]]

    return violations


def test_what_is_wrong_is_found(visit, service, violations):
    page = visit(service)
    page.evaluate("document.documentElement.lang = ''")
    assert [name for name, _ in violations(page)] == ["html-has-lang"]


def opened(visit, service, view, **options):
    """The console at one of its views, with something in it."""
    page = visit(service, f"/#{'predict' if view == 'batch' else view}", reduced_motion="reduce", **options)
    page.wait_for_selector("#example-button:enabled", state="attached")
    if view == "predict":
        for column, value in {"alcohol": "12.6", "flavanoids": "1.9", "proline": "640", "hue": "3"}.items():
            page.get_by_label(column, exact=True).fill(value)
        page.click("#explain-button")
        page.click(".why summary")
    if view == "traffic":
        page.click("#charts summary >> nth=0")
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
def test_everybody_can_use_it_and_it_fits_the_screen(visit, service, violations, picture, view, scheme):
    page = opened(visit, service, view, color_scheme=scheme)
    for width, height in ((1280, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        picture(page, f"{view}-{width}-{scheme}", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


def test_dialog_is_usable_by_everybody(visit, service, violations):
    page = visit(service)
    page.click("#key-button")
    assert violations(page) == []
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


@pytest.fixture(scope="module")
def numbers(context, service):
    """Call a function of the page's module of numbers."""
    page = context().new_page()
    page.goto(service.address)
    module = page.get_attribute("link[href$='/numbers.js']", "href")
    yield lambda call: page.evaluate(f"import('./{module}').then((found) => found.{call})")
    page.close()


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


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("percent(0.5)", "50.0 %"),
        ("percent(0)", "0.0 %"),
        ("percent(1)", "100.0 %"),
        ("percent(0.0000004)", "< 0.1 %"),
        ("percent(0.9999996)", "> 99.9 %"),
        ("precise(453216.71)", "453,216.7"),
        ("precise(12345678.9)", "12,345,679"),
        ("precise(-0.00000000136)", "−1.36e−9"),
        ("precise(0)", "0"),
        ("short(-0.00000000136)", "−1.36e−9"),
        ("short(99790)", "99,790"),
    ],
)
def test_numbers_are_never_rounded_to_something_else(numbers, call, text):
    assert numbers(call) == text
