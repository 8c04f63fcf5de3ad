"""The other side of `import_apart`: ``python -m app.models.importing.import_process '{"model": …}'``.

It says each step, and in the end what it saved or why it did not, in lines of JSON.
"""

import json
import os
import resource
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# Bytes that the process may write to: four times what an archive may unpack to, and the libraries.
MEMORY = 5 * 1024**3
# A forest of 100 deep trees is certified in less than 60.
CPU_SECONDS = 1_800


def main() -> None:
    """Import what the argument says, within the limits."""
    limit()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get into the answers
    warnings.simplefilter("ignore")

    def say(**line: Any) -> None:
        answers.write(f"{json.dumps(line, default=str)}\n")
        answers.flush()

    say(**_result(json.loads(sys.argv[1]), lambda step: say(step=step)))


def limit() -> None:
    """Bound what this process and those that it starts may take.

    Address space would count what is only reserved, as threads and allocators do by the gigabyte.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # where the machine has less than that, Linux ends this process before others
        Path("/proc/self/oom_score_adj").write_text("1000")


def _result(request: dict[str, Any], report: Callable[[str], None]) -> dict[str, Any]:
    from app.exceptions import ServiceError
    from app.models.importing.importer import import_files
    from app.models.importing.request import ImportRequest
    from app.models.training.datasets import DataError

    try:
        return {"saved": import_files(ImportRequest.from_dict(request), report=report)}
    except ServiceError as error:
        return {"refused": error.message, "details": error.details}
    except DataError as error:
        return {"refused": str(error), "details": {}}
    except MemoryError:
        return {
            "refused": f"it takes more than {MEMORY / 1024**3:.0f} GiB of memory to import",
            "details": {},
        }
    except Exception as error:  # nothing of a stranger's model ends in a traceback
        return {"refused": f"the model cannot be imported: {type(error).__name__}: {error}", "details": {}}


if __name__ == "__main__":
    main()
