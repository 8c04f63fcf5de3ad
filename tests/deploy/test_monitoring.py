"""deploy/monitoring asks for metrics that there are, and alerts as docs/runbook.md says."""

import json
import re
import subprocess
from itertools import combinations

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.middleware.metrics import instruments_of
from tests.deploy.compose import services
from tests.services import require_command
from tests.settings import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
GRAFANA = FOLDER / "grafana"
COMPOSE = services()
PROMETHEUS = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
RULES = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((GRAFANA / "dashboards" / "model-service.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DASHBOARD_QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [
    annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]
]
QUERIES = DASHBOARD_QUERIES + [rule["expr"] for rule in RULES]
# What Prometheus itself knows of a target, and of its alerts.
OWN_METRICS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
OWN_LABELS = {"instance", "job", "le"}
WORDS = {"sum", "count", "max", "by", "rate", "increase", "histogram_quantile", "absent"}
WORDS |= {"or", "unless", "vector"}


def metrics_of(query):
    """Each metric in a query, with the labels it is asked by."""
    plain = re.sub(r'"[^"]*"', "", query)
    plain = re.sub(r"\bby \([^)]*\)|\[[^]]*\]|\boffset \w+", "", plain)
    for name, selector in re.findall(r"\b([a-zA-Z_]\w*)(\{[^}]*\})?", plain):
        if name not in WORDS:
            yield name, set(re.findall(r"\w+", selector))


@pytest.fixture
def exposed(app, client):
    """The names of all samples on /metrics, each with its labels."""
    counted = instruments_of(app)
    labels = {m._name: set(m._labelnames) for m in counted.registry._collector_to_names}
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        if family.name.endswith("_created"):  # only of a process that counts for itself
            continue
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        found |= {family.name + suffix: labels.get(family.name, set()) for suffix in suffixes}
    return found | OWN_METRICS


def test_the_parser_of_queries_finds_metrics_and_labels():
    query = 'sum by (le, x) (rate(a_bucket{b=~"c|{d}", e!="f"}[5m])) / vector(0) or g offset 1m'
    assert list(metrics_of(query)) == [("a_bucket", {"b", "e"}), ("g", set())]


def test_every_metric_and_label_asked_for_exists(exposed):
    for query in QUERIES:
        asked = list(metrics_of(query))
        assert asked, query
        for name, labels in asked:
            assert name in exposed, query
            assert labels <= exposed[name] | OWN_LABELS, query


def test_every_metric_of_the_service_is_on_the_dashboard(exposed):
    asked = {name for query in DASHBOARD_QUERIES for name, _ in metrics_of(query)}
    missing = {name for name in exposed if not name.endswith(("_sum", "_count"))} - asked
    assert missing == {"worker_starts_total"}  # shown as restarts


def test_the_alerts_are_those_of_the_page(exposed):
    section = RUNBOOK.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`", section, re.MULTILINE)
    assert rows
    assert [(rule["alert"], next(metrics_of(rule["expr"]))[0]) for rule in RULES] == rows
    assert {metric for _, metric in rows} <= set(exposed)


def test_prometheus_finds_every_replica_and_reads_the_alerts():
    (scrape,) = PROMETHEUS["scrape_configs"]
    (discovery,) = scrape["dns_sd_configs"]
    assert discovery["names"] == ["api"]
    assert (discovery["type"], discovery["port"]) == ("A", COMPOSE["api"]["environment"]["PORT"])
    assert set(COMPOSE["api"]["networks"]) & set(COMPOSE["prometheus"]["networks"])
    assert all(f'job="{scrape["job_name"]}"' in query for query in QUERIES if "up{" in query)
    mounted = dict(volume.split(":")[:2] for volume in COMPOSE["prometheus"]["volumes"])
    assert mounted["./deploy/monitoring/prometheus.yml"] == "/etc/prometheus/prometheus.yml"
    for file in PROMETHEUS["rule_files"]:
        assert mounted[f"./deploy/monitoring/{file}"] == f"/etc/prometheus/{file}"


def test_promtool_accepts_the_configuration_and_its_alerts():
    command = [require_command("promtool"), "check", "config", str(FOLDER / "prometheus.yml")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(RULES)} rules found" in result.stdout


def test_promtool_accepts_every_query_of_the_dashboard(tmp_path):
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(DASHBOARD_QUERIES)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    result = subprocess.run(
        [require_command("promtool"), "check", "rules", str(file)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


# A value every 15 s, as they are scraped, for a quarter of an hour.
HEALTHY = {
    'up{job="model-service", instance="a"}': "1x60",
    'http_requests_total{instance="a", route="/api/predict", status="200"}': "0+250x60",
    'http_requests_total{instance="a", route="/api/predict", status="500"}': "0+1x60",
    'http_requests_total{instance="a", route="/api/health/ready", status="200"}': "0+2x60",
    'requests_refused_total{instance="a", reason="rate_limit"}': "0+25x60",
    'engine_failures_total{instance="a", engine="onnx"}': "0x60",
    'model_load_refusals_total{instance="a"}': "0x60",
    'worker_restarts_total{instance="a"}': "0x50 1x10",
    'canary_rollbacks_total{instance="a"}': "0x60",
}
TROUBLE = {
    "NoReplicaAnswers": {'up{job="model-service", instance="a"}': "1x50 0x10"},
    "NotReady": {'http_requests_total{instance="a", route="/api/health/ready", status="503"}': "0x50 0+2x10"},
    "VersionRefused": {'model_load_refusals_total{instance="a"}': "0x50 1x10"},
    "EngineFails": {'engine_failures_total{instance="a", engine="onnx"}': "0x50 3x10"},
    "WorkersRestart": {'worker_restarts_total{instance="a"}': "0x50 4x10"},
    "RequestsFail": {'http_requests_total{instance="a", route="/api/predict", status="500"}': "0x30 0+5x30"},
    "Overloaded": {'requests_refused_total{instance="a", reason="overloaded"}': "0x50 0+5x10"},
    "CanaryEnded": {'canary_rollbacks_total{instance="a"}': "0x50 1x10"},
}


def firing(folder, series):
    """The alerts that fire at the end of these series."""
    test = {
        "rule_files": [str(FOLDER / "alerts.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "15m"}
                ],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(test))
    result = subprocess.run(
        [require_command("promtool"), "test", "rules", str(file)], capture_output=True, text=True
    )
    return set(re.findall(r'alertname="(\w+)"', result.stdout + result.stderr))


def test_no_alert_fires_while_all_is_well(tmp_path):
    assert firing(tmp_path, HEALTHY) == set()


def test_every_alert_has_its_trouble():
    assert [rule["alert"] for rule in RULES] == list(TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_the_alert_fires_on_its_trouble_alone(tmp_path, alert):
    assert firing(tmp_path, HEALTHY | TROUBLE[alert]) == {alert}


def test_grafana_is_provisioned_with_the_data_source_and_the_dashboards():
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == PROMETHEUS["global"]["scrape_interval"]
    for holder in [*PANELS, *DASHBOARD["annotations"]["list"], *DASHBOARD["templating"]["list"]]:
        assert holder["datasource"] == {"type": source["type"], "uid": source["uid"]}
        for target in holder.get("targets", ()):
            assert target["datasource"] == holder["datasource"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/dashboards.yml").read_text())[
        "providers"
    ]
    mounted = dict(volume.split(":")[:2] for volume in COMPOSE["grafana"]["volumes"])
    assert mounted["./deploy/monitoring/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert mounted["./deploy/monitoring/grafana/dashboards"] == provider["options"]["path"]
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/model-service.json"


@pytest.mark.parametrize(("password", "starts"), [("", False), ("a password", True)])
def test_grafana_does_not_start_without_a_password(password, starts):
    shell, option, script = COMPOSE["grafana"]["entrypoint"]
    command = script.replace("$$", "$").replace("/run.sh", "echo started")
    variables = {"GF_SECURITY_ADMIN_PASSWORD": password, "PATH": "/usr/bin:/bin"}
    result = subprocess.run([shell, option, command], env=variables, capture_output=True, text=True)
    assert (result.returncode == 0) is starts
    assert ("started" in result.stdout) is starts
    assert ("GRAFANA_PASSWORD is not set" in result.stderr) is not starts


def test_panels_have_ids_titles_and_descriptions_of_their_own():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in PANELS)


def test_panels_do_not_overlap_and_stay_within_the_grid():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = [
            first[start] + first[length] <= second[start]
            for first, second in ((one, other), (other, one))
            for start, length in (("x", "w"), ("y", "h"))
        ]
        assert any(apart), (one, other)
