"""docs/dialects.md: each command of MLflow's and SageMaker's sections says what is printed there."""

import re

import pytest

from tests.docs.pages import exchanges, run
from tests.estimators import SumRegressor, fitted
from tests.settings import ROOT

DOCUMENT = (ROOT / "docs" / "dialects.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", ["MLflow", "SageMaker"])
def test_every_command_of_the_section_says_what_is_printed_there(serve, name):
    client = serve(fitted(SumRegressor()), WORKERS=2)
    found = list(exchanges(SECTIONS[name]))
    assert len(found) == 2
    for command, printed in found:
        assert run(client.application, command).strip() == printed.strip()
