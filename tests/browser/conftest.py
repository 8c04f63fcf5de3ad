"""The ladder: a store of six models, a service on it, Chromium, and a page that watches itself."""

import re
import shutil
from collections.abc import Callable, Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.training import evaluation
from app.models.training.estimators import mixed_pipeline
from tests.app.middleware.auth.credentials import PEPPER, add_key
from tests.estimators import BOXES, INCOME, PEOPLE
from tests.services import Service, gunicorn, missing, require_command
from tests.settings import ROOT

ARTIFACTS = ROOT / ".artifacts" / "browser"
HTTP_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
NO_ANSWER = "Failed to load resource: net::"


@pytest.fixture(scope="session")
def console_store(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The default model, of trees, in two versions, ``first`` before ``second``, which is active; and by name
    ``people`` with missing values and categories, ``flights`` with truth values too, ``sugar`` that predicts
    a number, ``wide`` with 300 columns, and ``near`` without explanations. All processes of a run share it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    with (folder / "console.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "console").exists():
            _publish_all(ModelStore(folder / "publishing"))
            (folder / "publishing").rename(folder / "console")
    return folder / "console"


def _publish_all(store: ModelStore) -> None:
    wine = load_wine(as_frame=True)
    names = wine.target_names[wine.target]
    rows, rest, target, expected = train_test_split(wine.data, names, test_size=0.4, random_state=1)
    for version, depth in {"first": 1, "second": 2}.items():
        forest = RandomForestClassifier(12, max_depth=depth, random_state=1).fit(rows.to_numpy(), target)
        found = forest.predict(rest.to_numpy())
        metadata = {
            "metrics": evaluation.metrics("classification", expected, found),
            "dataset": "wine",
            **evaluation.evidence("classification", expected, found),
        }
        store.activate(publish(store, forest, metadata=metadata, sample=rows, version=version))
    sugar = load_diabetes(as_frame=True)
    line = LinearRegression().fit(sugar.data.to_numpy(), sugar.target)
    evidence = evaluation.evidence("regression", sugar.target, line.predict(sugar.data.to_numpy()))
    _publish(store, "sugar", line, sample=sugar.data, metadata=evidence)
    people = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    _publish(store, "people", people, sample=PEOPLE)
    flights = PEOPLE.assign(late=[True, False, False, True] * 10, bags=[0, 1, 2, 3] * 10)
    _publish(
        store, "flights", mixed_pipeline(flights, LogisticRegression()).fit(flights, INCOME), sample=flights
    )
    wide = pd.concat([BOXES.add_suffix(f"_{number}") for number in range(100)], axis=1)
    _publish(store, "wide", LogisticRegression().fit(wide.to_numpy(), [0, 1] * 10), sample=wide)
    near = KNeighborsClassifier(3).fit(BOXES.to_numpy(), [0, 1] * 10)
    _publish(store, "near", near, sample=BOXES)


def _publish(store: ModelStore, name: str, model: Any, **options: Any) -> None:
    named = ModelStore(store.root / name)
    named.activate(publish(named, model, version="only", **options))


@pytest.fixture(scope="module")
def models(console_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the store for the module."""
    return Path(shutil.copytree(console_store, tmp_path_factory.mktemp("served") / "models"))


@pytest.fixture(scope="package")
def service(console_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for tests that change nothing; a module that does overrides it."""
    with gunicorn(tmp_path_factory.mktemp("log"), MODELS_DIR=console_store, WORKERS=1) as service:
        yield service


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a service that asks for keys."""
    return tmp_path_factory.mktemp("failures")


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    """A key for each scope, by its name."""
    return {
        scope: add_key(folder / "keys.jsonl", scopes=(scope,)) for scope in ("predict", "admin", "metrics")
    }


@pytest.fixture(scope="module")
def locked(models: Path, folder: Path, keys: dict[str, str]) -> Iterator[Service]:
    """A service that asks for keys."""
    options = {
        "API_KEYS_FILE": folder / "keys.jsonl",
        "API_KEY_PEPPER": PEPPER,
        "AUTH_FAILURE_LIMIT": "1000/minute",
    }
    with gunicorn(folder, MODELS_DIR=models, WORKERS=1, **options) as service:
        yield service


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """One browser for all tests of this folder; other tests of the process need its event loop to be over."""
    path = require_command("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """What a page did that it should not have: errors, and requests to other hosts.

    :param expected: statuses that the test provokes, 0 for none at all; the browser itself notes them.
    """

    def __init__(self, page: Any, service: Service, expected: set[int]) -> None:
        self.problems: list[str] = []
        self._host, self._expected = service.address, expected
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._request)

    def _message(self, message: Any) -> None:
        if message.type not in ("error", "warning"):
            return
        found = HTTP_STATUS.match(message.text)
        status = int(found[1]) if found else 0 if message.text.startswith(NO_ANSWER) else None
        if status not in self._expected:
            self.problems.append(message.text)

    def _request(self, request: Any) -> None:
        if not request.url.startswith((f"{self._host}/", "data:", "blob:")):
            self.problems.append(f"a request to {request.url}")


@pytest.fixture(scope="package")
def context(chromium: Any) -> Iterator[Callable[..., Any]]:
    """A context of the browser with these options, made once; nothing but files is kept in it."""
    contexts: dict[str, Any] = {}

    def context(**options: Any) -> Any:
        key = repr(sorted(options.items()))
        if key not in contexts:
            contexts[key] = chromium.new_context(**options)
            contexts[key].set_default_timeout(10_000)
        return contexts[key]

    yield context
    for each in contexts.values():
        each.close()


@pytest.fixture
def visit(context: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Open the console of a service; at the end no page may have had an error, nor asked another host.

    With ``clock`` the time of the page can be moved on: `Page.clock`.
    """
    pages, watched = [], []

    def visit(service: Service, path: str = "/", *, expected: tuple[int, ...] = (), clock=False, **options):
        page = context(**options).new_page()
        page.set_viewport_size({"width": 1280, "height": 900})
        pages.append(page)
        watched.append(Watched(page, service, set(expected)))
        if clock:
            page.clock.install()
        page.goto(service.address + path)
        return page

    yield visit
    for page in pages:
        page.close()
    assert [each.problems for each in watched if each.problems] == []


@pytest.fixture
def picture() -> Callable[..., None]:
    """Keep a picture of a page among the artefacts."""

    def picture(page: Any, name: str, **options: Any) -> None:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{name}.png", **options)

    return picture
