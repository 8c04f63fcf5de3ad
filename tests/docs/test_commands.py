"""Every command of the documentation says what is printed there, or is excepted with a reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import BLOCK, PAGES, Step, comparable, exchanges, sections, steps
from tests.docs.sessions.session import Session
from tests.docs.sessions.table import EXCEPTIONS, SESSIONS, WITH_SERVER

KINDS = {"console", "python", "json", "nginx", ""}


def run_steps(name: str) -> list[Step]:
    """The steps of a page or section that are run."""
    page, _, heading = name.partition("#")
    text = sections(page)[heading] if heading else PAGES[page]
    return [step for step in steps(text) if not step.text.startswith(tuple(EXCEPTIONS))]


def every_step() -> Iterator[tuple[str, str, Step]]:
    for page in PAGES:
        for heading, text in sections(page).items():
            yield from ((page, heading, step) for step in steps(text))


@pytest.fixture
def session(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # on busy machines the threads of a pool wait for each other
    with SESSIONS[request.param](request, tmp_path) as session:
        yield session, run_steps(request.param)


@pytest.mark.parametrize(
    "session",
    [pytest.param(name, marks=[pytest.mark.server] * (name in WITH_SERVER)) for name in SESSIONS],
    indirect=True,
)
def test_every_command_says_what_is_printed_there(session: tuple[Session, list[Step]]):
    session, found = session
    assert found
    for step in found:
        output = session.run(step)
        if "\n...\n" in step.printed:
            start, end = map(comparable, step.printed.split("\n...\n"))
            assert comparable(output).startswith(start), step.text
            assert comparable(output).endswith(end), step.text
        elif step.printed or step.text.startswith("curl"):
            assert comparable(output) == comparable(step.printed), step.text
        elif step.kind == "command":
            assert session.status == 0, output


def test_every_step_is_in_a_session_or_excepted():
    left_out = [
        f"{page}#{heading}: {step.text}"
        for page, heading, step in every_step()
        if not {page, f"{page}#{heading}"} & set(SESSIONS) and not step.text.startswith(tuple(EXCEPTIONS))
    ]
    assert left_out == []


def test_every_exception_is_needed():
    commands = [step.text for _, _, step in every_step()]
    assert len(commands) > 80
    assert [start for start in EXCEPTIONS if not any(text.startswith(start) for text in commands)] == []


def test_every_session_has_its_page():
    assert [name for name in SESSIONS if not run_steps(name)] == []


@pytest.mark.parametrize("page", PAGES)
def test_blocks_are_of_known_kinds_and_commands_stand_in_those_that_are_run(page):
    for kind, block in BLOCK.findall(PAGES[page]):
        assert kind in KINDS, block
        assert kind == "console" or not block.startswith("$ "), block


def test_parser_finds_commands_over_lines_and_their_output():
    found = list(exchanges("$ curl \\\n  a -d '{\n 1}' \nout\n\nmore\n$ ls  # all\n"))
    assert found == [
        Step("command", "curl \\\n  a -d '{\n 1}'", "out\n\nmore\n"),
        Step("command", "ls  # all", ""),
    ]
    (step,) = steps('```console\n$ curl x\n```\nsays\n```json\n{"a": 1}\n```\n')
    assert step.printed == '{"a": 1}\n'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("took 3.1 s", "took 12 s", True),
        ('{"a": 1}\n{"b": 2}\n', '{"a": 1}\n{"b": 3}\n', False),
        ('{"a": [1, "x"]}', '{\n  "a": [1,\n "x"]}', True),
        ('{"a": 1}', '{"b": 1}', False),
        ('{"a": 0.59621, "size": 1}', '{"a": 0.5962, "size": 2}', True),
        ('{"a": "1f2e3d4c5b6a"}', '{"a": "0f3b9c2d41aa"}', True),
        ('{"a": 0.5}', '{"a": 0.6}', False),
        ("reading…\ndone", "done", True),
        ("v1 is active", "v1 is refused", False),
    ],
)
def test_outputs_are_compared_but_for_what_differs_from_run_to_run(one, other, same):
    assert (comparable(one) == comparable(other)) is same
