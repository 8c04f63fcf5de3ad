import click
import pytest

from app.settings.process import from_command_line, serving


def test_a_process_that_flask_did_not_start_serves(monkeypatch):
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    assert serving()
    assert not from_command_line()


@pytest.mark.parametrize(("command", "serves"), [("run", True), ("models", False), ("keys", False)])
def test_of_the_commands_of_flask_only_run_serves(monkeypatch, command, serves):
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    with click.Context(click.Command(command), info_name=command):
        assert serving() is serves
        assert from_command_line()
