"""The process of `import_apart`: ``python -m app.models.importing.import_process '{"model": …}' ID``.

Prints lines of JSON: each step, then the saved version or the reason against it. Ends with the process ID.
"""

import json
import os
import resource
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.models.certification.progress import Report
from app.models.repository.process_files import end_with

# Bytes of writable memory: four times the limit of an unpacked archive, and the libraries.
MEMORY = 5 * 1024**3
# A forest of 100 deep trees takes less than 60.
CPU_SECONDS = 1_800


def main() -> None:
    """Run the import that the argument describes, within the limits."""
    end_with(int(sys.argv[2]))
    limit()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries must not mix with the replies
    warnings.simplefilter("ignore")

    def say(**line: Any) -> None:
        replies.write(f"{json.dumps(line, default=str)}\n")
        replies.flush()

    say(**_result(json.loads(sys.argv[1]), lambda step, share=None: say(step=step, share=share)))


def limit() -> None:
    """Limit the resources of this process and its children.

    RLIMIT_AS would also count reserved memory, of which threads and allocators have gigabytes.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # out of memory, Linux ends this process before others
        Path("/proc/self/oom_score_adj").write_text("1000")


def _result(request: dict[str, Any], report: Report) -> dict[str, Any]:
    from app.exceptions import ServiceError
    from app.models.importing.importer import import_files
    from app.models.importing.request import ImportRequest
    from app.models.training.datasets import DataError

    try:
        return {"saved": import_files(ImportRequest.from_dict(request), report=report)}
    except ServiceError as error:
        return {"refused": error.message, "details": error.details}
    except DataError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"it takes more than {MEMORY / 1024**3:.0f} GiB of memory to import"}
    except Exception as error:  # an untrusted model may raise anything
        return {"refused": f"the model cannot be imported: {type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
