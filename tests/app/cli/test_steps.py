import io
import re
import time

import pytest
from rich.console import Console

from app.cli.steps import steps


def test_each_step_is_a_line_in_a_pipe():
    file = io.StringIO()
    with steps("Reading", Console(file=file, width=20)) as step:
        assert file.getvalue() == "Reading…\n"
        step("Certifying: [a name] that is longer than a line")
    assert file.getvalue() == "Reading…\nCertifying: [a name] that is longer than a line…\n"


def test_shares_of_a_step_are_no_lines():
    file = io.StringIO()
    with steps("Reading", Console(file=file)) as step:
        step("Comparing")
        step("Comparing", 0.5)
        step("Comparing", 1.0)
    assert file.getvalue() == "Reading…\nComparing…\n"


def test_terminal_shows_the_share_of_a_step_and_the_time_left():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    with steps("Reading", console) as step:
        for done in range(1, 60):
            step("Comparing", done / 100)
            time.sleep(0.005)
    shown = [line for line in file.getvalue().split("\r") if "Comparing" in line]
    assert re.search(r"━.*0:00:00.*0:00:0\d", shown[-1])


def test_terminal_shows_the_step_under_way_and_its_time_and_is_left_clean():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=60)
    with steps("Reading", console) as step:
        step("Certifying")
    shown = file.getvalue()
    assert "Reading…" in shown
    assert "Certifying…" in shown
    assert "0:00:0" in shown
    assert shown.endswith("\x1b[2K")


def test_error_passes_through():
    with pytest.raises(KeyError), steps("Reading", Console(file=io.StringIO())):
        raise KeyError
