"""docs/observability.md lists what there is."""

import re

from app.api.errors import REJECTION_REASONS
from app.api.stats import stats
from app.middleware.metrics import instruments_of
from app.middleware.metrics.instruments import ServiceCollector
from tests.estimators import SumClassifier, fitted
from tests.settings import ROOT

DOCUMENT = (ROOT / "docs" / "observability.md").read_text()


def table(title):
    section = DOCUMENT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return [[set(re.findall(r"`(\w+)`", cell)) for cell in row] for row in rows]


def test_the_metrics_are_those_of_the_registry(app):
    counted = instruments_of(app)
    families = ServiceCollector(counted, workers=1).collect()
    names = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    assert {name for row in table("Metrics") for name in row[0]} == names
    labels = {m._name: set(m._labelnames) for m in counted.registry._collector_to_names}
    for (name,), documented, _ in table("Metrics"):
        assert labels.get(name.removesuffix("_total"), set()) == documented, name
    assert all(f"`{reason}`" in DOCUMENT for reason in REJECTION_REASONS.values())


def test_the_statistics_are_those_of_the_route(app):
    with app.app_context():
        assert {name for row in table("Statistics") for name in row[0]} == set(stats())


def test_the_fields_are_those_of_the_log(logged, serve):
    client = serve(fitted(SumClassifier()), LOG_INPUTS=True)
    logged()
    client.post("/api/predict", json={"features": [1, 2, 3], "request_id": "a", "client_id": "b"})
    (line,) = logged()
    assert {name for row in table("Logs") for name in row[0]} == set(line) | {"caller", "model"}
