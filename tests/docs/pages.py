"""The pages of the documentation as commands with what is printed below them."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from tests.settings import ROOT

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in sorted({*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/*.md")})
} | {
    name: (ROOT / name).read_text()
    for name in ("app/flask_fast/README.md", "examples/sentiment_analysis/README.md")
}
# Versions by their time, ids, hashes, times and other figures; a terminal breaks paths.
FIGURE = re.compile(r"\b(?:[0-9a-f]{16}){1,2}\b|\b[0-9a-f]{12}\b|\d[\d.,:+eT_-]*")
DIFFERENT = {"size"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A command of a console block with what is printed below it, or a program of a ``python`` block."""

    kind: str
    text: str
    printed: str = ""


def sections(page: str) -> dict[str, str]:
    """The text of a page by the headings of its second level; before the first one the key is empty."""
    start, *rest = re.split(r"^## ", PAGES[page], flags=re.MULTILINE)
    return {"": start} | {part.partition("\n")[0]: part.partition("\n")[2] for part in rest}


def steps(text: str) -> list[Step]:
    """What a reader of a text does, in order."""
    found: list[Step] = []
    for kind, block in BLOCK.findall(text):
        if kind == "console":
            found += exchanges(block)
        elif kind == "python":
            found.append(Step("python", block))
        elif kind == "json" and found and found[-1].kind == "command" and not found[-1].printed:
            found[-1] = found[-1]._replace(printed=block)
    return found


def exchanges(block: str) -> Iterator[Step]:
    """Each command of a console block with what is printed below it; a command may go over lines."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        for count in range(1, len(lines) + 1):
            command = "".join(lines[:count])
            if not command.endswith("\\\n") and complete(command):
                break
        yield Step("command", command.strip(), "".join(lines[count:]))


def complete(command: str) -> bool:
    """Whether no quotation is left open."""
    try:
        return bool(shlex.split(command, comments=True))
    except ValueError:
        return False


def comparable(output: str) -> str:
    """What must be as printed: words, and the values of JSON; not times, ids, sizes and figures in texts."""
    # Steps, which leave nothing behind on a terminal, and the times of those that took some.
    output = re.sub(r"(?m)^(.*…|[\w ]+: [\d.]+ s)\n", "", output)
    for documents in ([output], output.splitlines()):
        with suppress(ValueError):
            return "\n".join(json.dumps(fixed(json.loads(document))) for document in documents)
    return re.sub(r" ?/ ?", "/", re.sub(r"[─━ \n]+", " ", FIGURE.sub("#", output)).strip())


def fixed(value: Any, name: str = "") -> Any:
    """A document of JSON without what differs from run to run, and with three decimals."""
    match value:
        case dict():
            return {key: fixed(item, key) for key, item in value.items()}
        case list():
            return [fixed(item, name) for item in value]
        case str():
            return FIGURE.sub("#", value)
        case float():
            return round(value, 3)
        case _:
            return "#" if name in DIFFERENT else value
