"""Every call of every dialect gives the native API's answers and refusals; tests/dialects has the table."""

import pytest

from tests.conftest import configuration, create_app
from tests.dialects import page
from tests.dialects.check import Result, check, check_answers
from tests.dialects.contracts import CONTRACTS
from tests.dialects.models import MODELS, adult
from tests.dialects.refusals import SETTINGS

EVERY_CALL = pytest.mark.parametrize(
    "contract", CONTRACTS, ids=[f"{each.dialect}, {each.call}, {each.body}" for each in CONTRACTS]
)


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_model):
    """From the name of a model to the model and a client of an app that serves it."""
    known = {}

    def served(name, bring=None):
        if name not in known:
            brought = (bring or MODELS[name])()
            folder = tmp_path_factory.mktemp("models")
            known[name] = brought, serve_model(folder, brought.model, sample=brought.sample, **SETTINGS)
        return known[name]

    return served


@pytest.fixture(scope="module")
def nothing_served(tmp_path_factory):
    """A client of an app without a model."""
    return create_app(configuration(tmp_path_factory.mktemp("empty"), **SETTINGS)).test_client()


@EVERY_CALL
def test_answers_and_refusals_are_those_of_the_native_api(contract, served, nothing_served):
    result = check(contract, tuple(MODELS), served, nothing_served)
    assert result.problems == []
    assert page.line(result) in page.shown(), "run make dialects"


def test_the_page_has_the_calls_of_the_table_in_their_order():
    calls = [f"| {each.dialect} | `{each.call}` | {each.body} |" for each in CONTRACTS]
    head, _, *lines = page.shown().splitlines()
    assert head == f"| {' | '.join(page.COLUMNS)} |"
    assert [line.startswith(call) for line, call in zip(lines, calls, strict=True)] == [True] * len(calls)


@EVERY_CALL
def test_the_census_is_answered_as_natively(contract, served, shared_data):
    result = Result(contract)
    check_answers(result, "adult", *served("adult", lambda: adult(shared_data)))
    assert result.problems == []
