"""The process that `FreshProcess` starts: ``python -m app.models.publishing.replay_process``.

Each line of standard input names a version; a fork of this process loads it and replies in one line of JSON.
"""

import contextlib
import json
import os
import select
import signal
import warnings
from pathlib import Path
from typing import Any

# Imported once, before the forks.
import sklearn.compose
import sklearn.ensemble
import sklearn.linear_model
import sklearn.pipeline  # noqa: F401

from app.exceptions import ArtifactInvalid, ServiceError
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.loading import golden_rows, loader, verification
from app.models.loading.original import EXPORTED_FROM
from app.models.loading.unpickling import load_estimator
from app.models.loading.version_code import remedy
from app.models.publishing.expected import Expected
from app.models.repository.process_files import end_with
from app.models.repository.store import ModelStore
from app.models.schema.validation import validate_rows
from app.settings.process import give_back_memory

BRING = "put it beside run.py, or save the model with code=[its file]"
BY_VALUE = "save the model with by_value=True"


def main() -> None:
    """Reply to requests until standard input ends."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Output that a model prints while it loads must not mix with the replies.
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    for line in requests:
        replies.write(_in_fork(json.loads(line), requests.fileno()) + b"\n")
        replies.flush()


def _in_fork(request: dict[str, Any], requests: int) -> bytes:
    """The reply of a fork; both processes end when nobody holds the other end of ``requests`` any more."""
    reader, writer = os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        end_with(parent)
        with contextlib.suppress(BaseException):
            reason = _reason(Path(request["root"]), request["version"], Expected(**request["expected"]))
            os.write(writer, json.dumps({"reason": reason}).encode())
        os._exit(0)
    os.close(writer)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    poll.register(requests, 0)  # tells that it was hung up
    if requests in dict(poll.poll()):
        os._exit(0)
    with os.fdopen(reader, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    ended = f"by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "itself"
    return content or json.dumps({"reason": f"a process that loaded it ended {ended}"}).encode()


def _reason(root: Path, version: str, expected: Expected) -> str | None:
    """Why a version does not serve the expected predictions, or None."""
    store = ModelStore(root)
    policy = verification.VerificationPolicy(sklearn_version="warn")
    try:
        if reason := _reason_of_original(verification.verify(store, version, policy)):
            return f"loaded again, {reason}"
        give_back_memory()  # of the original: it and the session that is opened next may be large
        model = loader.load(store, version, loader.LoadingOptions(admission=policy))
    except ArtifactInvalid as error:
        return _remedy(error.__cause__) or error.reason
    except ServiceError as error:
        first = error.details.get("errors", ())[:3]
        reasons = "; ".join(f"{each.get('name', 'a row')} {each['reason']}" for each in first)
        return f"{error.message}: {reasons}" if reasons else error.message
    except Exception as error:  # a custom model may raise anything
        return f"loaded again, it raises {type(error).__name__}: {str(error)[:200]}"
    return expected.disagreement(model.engine.predict, model.signature, model.output)


def _reason_of_original(artifact: verification.VersionArtifact) -> str | None:
    """Why the original, if there is one, does not answer its golden rows as recorded, or None."""
    if EXPORTED_FROM in artifact.metadata:
        return None
    original = SklearnEngine(load_estimator(artifact), artifact.input, artifact.output)
    recorded = artifact.metadata["golden"]
    predicted = original.predict(validate_rows(recorded["rows"], artifact.input))
    return golden_rows.disagreement(recorded, predicted, artifact.output)


def _remedy(cause: BaseException | None) -> str | None:
    """A sentence on the cause of a failed unpickling, and what to do about it."""
    found = remedy(cause, main=__spec__.name, bring=BRING, by_value=BY_VALUE)
    if found or cause is None:
        return found
    return f"unpickling failed: {type(cause).__name__}: {str(cause)[:200]}"


if __name__ == "__main__":
    main()
