"""Reading of an untrusted file: pickle, joblib or skops."""

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import joblib
from sklearn.exceptions import InconsistentVersionWarning

from app.models.loading.original import VersionPolicy
from app.models.loading.version_code import remedy
from app.models.untrusted import ImportRefused, Unsound
from app.models.untrusted.archive import unpacked
from app.models.untrusted.structure import check_parts
from app.models.untrusted.trusted_types import TRUSTED

SKOPS = ".skops"
BRING, BY_VALUE = "bring it with --code FILE.py", "save the model with cloudpickle"


def runs_code(path: Path) -> bool:
    """True if reading the file may run code: every format but skops."""
    return path.suffix != SKOPS


def read_estimator(
    path: Path, *, trust: bool, types: Collection[str] = (), policy: VersionPolicy = "refuse"
) -> Any:
    """The object in a pickle, joblib or skops file.

    :param trust: read files that can run code.
    :param types: names of types that a skops file may hold beside `TRUSTED`.
    :param policy: for files of another scikit-learn version.
    :raises ImportRefused: if the file cannot or must not be read.
    """
    if runs_code(path) and not trust:
        raise ImportRefused(f"{path.name} is a pickle, which can run any code when it is read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if policy == "refuse" else "default", InconsistentVersionWarning)
            return joblib.load(path) if runs_code(path) else _read_skops(path, types)
    except (ImportRefused, MemoryError):
        raise
    except Unsound as error:
        raise ImportRefused(f"{path.name} cannot be imported: {error}") from None
    except InconsistentVersionWarning as warning:
        raise ImportRefused(
            f"{path.name} was written by scikit-learn {warning.original_sklearn_version}, installed is"
            f" {warning.current_sklearn_version}: SKLEARN_VERSION_POLICY=warn lets it in"
        ) from None
    except RecursionError:
        raise ImportRefused(f"{path.name} cannot be imported: it is nested too deeply") from None
    except Exception as error:  # a file may make its reader raise anything
        if missing := remedy(error, bring=BRING, by_value=BY_VALUE):
            raise ImportRefused(f"{path.name} cannot be read: {missing}") from error
        raise ImportRefused(f"{path.name} cannot be read: {type(error).__name__}: {error}") from error


def _read_skops(path: Path, types: Collection[str]) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    with path.open("rb") as file:
        content = unpacked(file)
    trusted = {*TRUSTED, *types}
    try:
        model = skops.io.load(content, trusted=sorted(trusted))
    except UntrustedTypesFoundException:
        unknown = sorted(set(skops.io.get_untrusted_types(data=content.getvalue())) - trusted)
        options = " ".join(f"--trust {name}" for name in unknown)
        raise ImportRefused(
            f"{path.name} holds types that this server does not trust: {', '.join(unknown)}. If you know what"
            f" they do, add {options}"
        ) from None
    check_parts(model)
    return model
