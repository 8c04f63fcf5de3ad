"""docs/runbook.md misses no command and names events that exist."""

import re

from tests.docs.pages import PAGES, steps
from tests.settings import ROOT

DOCUMENT = PAGES["docs/runbook.md"]


def test_every_verb_is_on_the_page(empty_app):
    verbs = set(empty_app.cli.commands["models"].commands)
    assert {step.text.split()[4] for step in steps(DOCUMENT) if "flask" in step.text} == verbs


def test_every_event_of_the_page_exists():
    source = "".join(path.read_text() for path in [ROOT / "run.py", *(ROOT / "app").rglob("*.py")])
    section = DOCUMENT.partition("\n## Log events\n")[2]
    events = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(events) > 5
    assert [event for event in events if f'"{event}"' not in source] == []
