"""Pages of the documentation whose commands are run: what they print is what comes out."""

import re
import shlex

from flask.testing import FlaskClient

ADDRESS = "http://127.0.0.1:5000"


def exchanges(text):
    """Each command of a console block with what is printed below it."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def comparable(output):
    """Words without figures, times and hashes; tables without their lines."""
    figures = re.sub(r"\b(?:[0-9a-f]{16}){1,2}\b|\d[\d.,:+eT-]*", "#", output)
    return re.sub(r"[─━ \n]+", " ", figures).strip()


def run(app, command):
    """The output of a command of the page."""
    words = shlex.split(command)
    if words[0] == "curl":
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        sent: dict[str, object] = {}
        if "--data" in words:
            name, _, value = words[words.index("-H") + 1].partition(": ")
            sent = {"data": words[words.index("--data") + 1], "headers": {name: value}}
        if "--json" in words:
            sent = {"data": words[words.index("--json") + 1], "content_type": "application/json"}
        (url,) = (word for word in words if word.startswith(ADDRESS))
        response = FlaskClient(app).open(url.removeprefix(ADDRESS), method=method, **sent)
        return response.text + "\n"
    assert words[:3] == [".venv/bin/flask", "--app", "run"]
    output = app.test_cli_runner().invoke(args=words[3:]).output
    return re.sub(r"(?m)^.*…\n", "", output)  # steps, which leave nothing behind on a terminal
