"""A session: commands are run one after the other, in a folder and against an app."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import run_training
from tests.docs.curl_request import ADDRESS, curl_request
from tests.docs.pages import Step
from tests.services import PATIENCE, environment

FLASK = [".venv/bin/flask", "--app", "run"]


class Session:
    """What a page's commands find.

    :param before: what happens before a command that ends so, by somebody else than the reader.
    :param same: what stands on the page by what it is here, such as a folder or an id.
    :param programs: functions that stand for programs, by how a command begins: the output for its arguments.
    """

    def __init__(
        self,
        folder: Path,
        app: Flask | None = None,
        *,
        before: Mapping[str, Callable[[], object]] | None = None,
        same: Mapping[str, str] | None = None,
        programs: Mapping[str, Callable[[list[str]], str]] | None = None,
    ) -> None:
        self.folder = folder
        self.app = app
        self.before = before or {}
        self.same = dict(same or {})
        self.programs = dict(programs or {}) | {".venv/bin/python train_model.py": self.train}
        self.names: dict[str, Any] = {}
        self.status = 0

    def run(self, step: Step) -> str:
        """The output of a step."""
        if step.kind == "python":
            with redirect_stdout(StringIO()) as output:
                exec(step.text, self.names)
            return output.getvalue()
        for ending, happens in self.before.items():
            if step.text.endswith(ending):
                happens()
        command = step.text
        for shown, here in self.same.items():
            command = command.replace(shown, here)
        output = self.command(command)
        for shown, here in self.same.items():
            output = output.replace(here, shown)
        return output

    def command(self, command: str) -> str:
        """The output of a command: of curl and flask in this process, of others by the shell."""
        words = shlex.split(command.replace("\\\n", " "), comments=True)
        if self.app is not None and "|" not in words and any(word.startswith(ADDRESS) for word in words):
            return curl(self.app, words)
        if self.app is not None and words[:3] == FLASK and "|" not in words:
            result = self.app.test_cli_runner().invoke(args=words[3:])
            self.status = result.exit_code
            return result.output
        for beginning, program in self.programs.items():
            if command.startswith(beginning):
                return program(shlex.split(command.removeprefix(beginning)))
        return self.shell(command)

    def train(self, arguments: list[str]) -> str:
        """The output of ``train_model.py``, run in this process."""
        result = run_training(self.folder / "models", *arguments)
        self.status = result.exit_code
        output: str = result.output
        return output

    def shell(self, command: str, **variables: object) -> str:
        """The output of a command of the shell, where ``python`` is this one."""
        variables = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"} | variables
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        self.status = done.returncode
        return done.stdout


def curl(app: Flask, words: list[str]) -> str:
    """What curl prints, asked of an app."""
    found = curl_request(words)
    sent = Path(found.body[1:]).read_bytes() if found.body and found.body.startswith("@") else found.body
    response = FlaskClient(app).open(found.path, method=found.method, headers=found.headers, data=sent)
    return re.sub(r"\n?\Z", "\n", response.text)
