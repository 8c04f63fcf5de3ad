"""Performance budgets as ratios within one run, and whether they are met."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.results import Figures, Row

SERVICES = ("service", "service_granian")
MODEL_SERVERS = ("mlserver", "bentoml", "litserve", "mlflow")


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Requests per second: at least ``limit`` times the best of ``against``."""

    model: str
    rows: int
    against: tuple[str, ...]
    limit: float


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """A figure of the service: at most ``limit``."""

    figure: Literal["worker_mb", "startup_s"]
    limit: float
    model: str = "rf100"
    rows: int = 1


BUDGETS: tuple[Throughput | Ceiling, ...] = (
    Throughput(model="rf100", rows=1, against=("plain_flask",), limit=20),
    Throughput(model="rf100", rows=1, against=MODEL_SERVERS, limit=15),
    Throughput(model="rf100", rows=1, against=("fastapi_onnx",), limit=0.9),
    Throughput(model="rf100", rows=1, against=("service_everything_off",), limit=0.8),
    Throughput(model="logistic", rows=1, against=MODEL_SERVERS, limit=3),
    Throughput(model="logistic", rows=1, against=("fastapi_sklearn",), limit=1.3),
    Throughput(model="rf100", rows=100, against=("plain_flask",), limit=30),
    Ceiling(figure="worker_mb", limit=60),
    Ceiling(figure="startup_s", limit=2),
)


@dataclass(frozen=True)
class BudgetResult:
    """Result of one budget for one service; ``value`` is a ratio, MB or seconds."""

    service: str
    model: str
    rows: int
    what: str
    value: float
    limit: float
    met: bool


def evaluate(rows: Iterable[Row]) -> list[BudgetResult]:
    """Compare each budget with the figures; void rows give no result."""
    measured = {(row.peer, row.model, row.rows): row.figures for row in rows if row.figures}
    results = (_evaluate(budget, service, measured) for service in SERVICES for budget in BUDGETS)
    return [result for result in results if result]


def _evaluate(
    budget: Throughput | Ceiling, service: str, measured: dict[tuple[str, str, int], Figures]
) -> BudgetResult | None:
    own = measured.get((service, budget.model, budget.rows))
    if own is None:
        return None

    def result(what: str, value: float, *, met: bool) -> BudgetResult:
        return BudgetResult(service, budget.model, budget.rows, what, value, budget.limit, met)

    if isinstance(budget, Ceiling):
        value: float = getattr(own, budget.figure)
        return result(budget.figure, value, met=value <= budget.limit)
    others: dict[str, Any] = {
        name: found.requests_per_second
        for name in budget.against
        if (found := measured.get((name, budget.model, budget.rows)))
    }
    if not others:
        return None
    best = max(others, key=lambda name: others[name])
    ratio = own.requests_per_second / others[best]
    return result(best, ratio, met=ratio >= budget.limit)
