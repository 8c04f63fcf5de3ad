"""The settings that ``config.py`` reads, found in its source."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def declared() -> dict[str, str | None]:
    """Each variable with its default as people write it, or None where the default is computed."""
    tree = ast.parse((ROOT / "config.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _reads_environment(node)]
    return {ast.literal_eval(call.args[0]): _default(call) for call in calls}


def of_compose() -> dict[str, str]:
    """Each variable that ``docker-compose.yml`` itself takes from ``.env``, with its default."""
    text = (ROOT / "docker-compose.yml").read_text()
    return dict(re.findall(r"(?<!\$)\$\{([A-Z_]+):-([^}]*)\}", text))


def _reads_environment(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) in {"env", "os.environ"}
        and bool(call.args)
        and isinstance(call.args[0], ast.Constant)
    )


def _default(call: ast.Call) -> str | None:
    try:
        default = ast.literal_eval(call.args[1])
    except (IndexError, ValueError):
        return None
    if isinstance(default, list):
        return ",".join(default)
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)
