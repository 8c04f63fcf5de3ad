"""One call of a dialect, compared with the native API."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.dialects.answers import PROBABILITIES
from tests.dialects.contracts import CONTRACTS, Contract
from tests.dialects.models import Brought
from tests.dialects.refusals import NOT_LOADED, OF_CALLS, OF_ROWS, Spoil
from tests.dialects.rows import CannotSay, Rows

NATIVE = CONTRACTS[0]
# One, few and many rows go different ways through the decoders.
SIZES = (1, 3, 40)
# The row to spoil, by the number of rows.
SPOILED = {3: 1, 40: 20}
REFUSING = ("labels", "whole numbers")

Serve = Callable[[str], tuple[Brought, FlaskClient]]


@dataclass
class Result:
    """What came of a call: the models that answered as natively, the status of each refusal, and what must
    not be, in sentences."""

    contract: Contract
    answered: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_answers(result: Result, name: str, brought: Brought, client: FlaskClient) -> None:
    """Compare labels, numbers and probabilities, which must be the same to the last bit."""
    contract, model = result.contract, brought.model
    if contract.classes_alone and not isinstance(getattr(model, "classes_", None), np.ndarray):
        return
    for size in SIZES:
        asked = replace(brought.rows, cells=brought.rows.cells[:size])
        for output in ("predict", PROBABILITIES)[: 1 + hasattr(model, PROBABILITIES)]:
            own = NATIVE.read(NATIVE.send(client, asked, output=output), output)
            if contract.classes_alone and output == "predict":  # labels are texts there
                own = list(map(str, own))
            try:
                response = contract.send(client, asked, output=output)
            except CannotSay:
                return
            where = f"{name}, {output} of {size} rows"
            if response.status_code != 200:
                result.problems.append(f"{where}: {response.status_code}, {response.text[:300]}")
            elif not _equal(found := contract.read(response, output), own, output):
                result.problems.append(f"{where}: {found[:2]} for {own[:2]}")
    result.answered.append(name)


def _equal(found: Any, own: Any, output: str) -> bool:
    if output == PROBABILITIES:  # CSV has 1 for 1.0
        return np.array(found, dtype=float).tobytes() == np.array(own, dtype=float).tobytes()
    return repr(found) == repr(own)


def check_refusals(result: Result, name: str, brought: Brought, client: FlaskClient) -> None:
    """Spoil rows and calls in every way, and look at what is said of it."""
    for heading, faults in OF_ROWS.items():
        for (number, spoil), (size, row) in product(enumerate(faults), SPOILED.items()):
            asked = replace(brought.rows, cells=brought.rows.cells[:size])
            where = f"{name}, {heading} ({number}) among {size}"
            _spoil(result, where, heading, (spoil, asked, row), client)
    for heading, (status, send) in OF_CALLS.items():
        status = 200 if status == 415 and not result.contract.judged else status
        _refuse(
            result, f"{name}, {heading}", heading, status, lambda c, send=send: send(c, client, brought.rows)
        )


def _spoil(
    result: Result, where: str, heading: str, fault: tuple[Spoil, Rows, int], client: FlaskClient
) -> None:
    spoil, asked, row = fault
    if (faulty := spoil(result.contract, asked, row)) is None:
        return
    said = _refuse(result, where, heading, 400, lambda contract: contract.send(client, faulty.rows))
    if said is not None and (unsaid := faulty.unsaid(said)):
        result.problems.append(f"{where}: no {' and no '.join(unsaid)} in {said[:300]!r}")


def check_not_loaded(result: Result, brought: Brought, empty: FlaskClient) -> None:
    """Ask an app without a model."""
    heading, status, send = NOT_LOADED
    _refuse(result, heading, heading, status, lambda contract: send(contract, empty, brought.rows))


def _refuse(
    result: Result,
    where: str,
    heading: str,
    status: int,
    send: Callable[[Contract], TestResponse | None],
) -> str | None:
    """Send what must be refused, and return what is said of it; None if there is no such call."""
    try:
        response = send(result.contract)
    except CannotSay:
        return None
    if response is None:
        return None
    result.statuses[heading] = response.status_code
    if response.status_code != status:
        result.problems.append(f"{where}: {response.status_code}, not {status}: {response.data[:300]!r}")
        return None
    if status == 200:
        return None
    try:
        return result.contract.error(response)
    except AssertionError as error:
        result.problems.append(f"{where}: another shape of error, {error}")
    return None


def check(contract: Contract, names: tuple[str, ...], serve: Serve, empty: FlaskClient) -> Result:
    """Ask every model, spoil what is asked of some, and ask where there is none."""
    result = Result(contract)
    for name in names:
        check_answers(result, name, *serve(name))
    for name in REFUSING:
        if name in result.answered:
            check_refusals(result, name, *serve(name))
    check_not_loaded(result, serve(REFUSING[1])[0], empty)
    return result
