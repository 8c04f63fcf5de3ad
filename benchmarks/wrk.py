"""Load generator wrk: https://github.com/wg/wrk."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.load import Load, LoadError

SCRIPT = Path(__file__).with_name("wrk.lua")


class Wrk:
    """`benchmarks.load.Generator` with one thread, which is enough for any of the servers."""

    name = "wrk"

    def run(
        self, url: str, bodies: Path, *, connections: int, seconds: float, headers: Mapping[str, str]
    ) -> Load:
        """:raises LoadError: if wrk ends with an error."""
        duration = max(1, round(seconds))  # wrk takes whole seconds only
        # A timeout counts as an error in wrk, but a slow answer is none here: hence a long timeout.
        options = ["-t1", f"-c{connections}", f"-d{duration}s", "--latency", "--timeout", "60s"]
        command = ["wrk", *options, "-s", str(SCRIPT), url, "--", str(bodies)]
        command += [f"{name}: {value}" for name, value in headers.items()]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise LoadError(done.stderr or done.stdout)
        return parse(done.stdout)


def parse(output: str) -> Load:
    """Read the line of JSON that ``wrk.lua`` prints at the end.

    :raises LoadError: if there is none.
    """
    found = re.search(r"^\{.*\}$", output, re.MULTILINE)
    if not found:
        raise LoadError(f"wrk printed no summary: {output}")
    summary = json.loads(found[0])
    return Load(
        seconds=summary["duration_us"] / 1e6,
        requests=summary["requests"],
        failures=sum(summary["errors"].values()),
        p50_ms=summary["p50_us"] / 1e3,
        p99_ms=summary["p99_us"] / 1e3,
    )
