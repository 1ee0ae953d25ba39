"""The dashboard and the alert rules speak of metrics that exist, and PromQL understands the rules."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from cabinet import metrics
from cabinet.config import ROOT
from cabinet.domain.payments import TopUpState, WebhookVerdict
from cabinet.models.sign_in import SignInOutcome

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "cabinet.json"
FOREIGN = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
SUFFIXES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}


def known() -> dict[str, set[str]]:
    """By name of a series, its labels."""
    found = {}
    for one in vars(metrics).values():
        for kind, suffixes in SUFFIXES.items():
            if type(one) is kind:
                found |= {one._name + suffix: set(one._labelnames) for suffix in suffixes}
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return json.loads(DASHBOARD.read_text())["panels"]


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    yield from ((panel["title"], each["expr"]) for panel in panels() for each in panel.get("targets", ()))


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_series_that_is_named_exists_with_its_labels(where: str, expression: str):
    series = known()
    found = re.findall(r"\b(cabinet_\w+|process_\w+|up)\b(?:\{([^}]*)\})?", expression)

    assert found
    for name, matchers in found:
        assert name in series or name in FOREIGN, name
        labels = set(re.findall(r"(\w+)[=!]", re.sub(r'"[^"]*"', '""', matchers)))
        assert labels <= series.get(name, set()) | {"job", "instance"}, name


def test_values_of_labels_that_alerts_ask_for_exist():
    values = {*SignInOutcome, *WebhookVerdict, *TopUpState, "failed", "broken", "held", "refused", "sent", "limited"}
    values |= {"handler", "cabinet", "/readyz", "staff_refused", "true"}
    asked = re.findall(r'=~?"([^"]+)"', " ".join(rule["expr"] for rule in rules()))

    assert {value for text in asked for value in text.split("|")} - {"5..", r".*\\.watch"} <= values


def test_what_must_not_go_unseen_has_its_alert():
    names = " ".join(rule["expr"] for rule in rules())

    for series in (
        "cabinet_outbox_oldest_seconds",
        "cabinet_audit_broken",
        "cabinet_fees_oldest_seconds",
        "cabinet_webhooks_total",
        "cabinet_sign_ins_total",
        "cabinet_http_requests_total",
        "cabinet_http_request_seconds_bucket",
        "cabinet_event_seconds_bucket",
    ):
        assert series in names
    assert all(rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"] for rule in rules())


def test_every_alert_has_its_paragraph_in_the_docs():
    described = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in described] == []


def test_every_metric_of_ours_is_in_the_docs():
    described = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    names = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in known()}

    assert [name for name in sorted(names) if f"`{name}`" not in described] == []


def test_panels_of_the_dashboard_stand_beside_each_other():
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is in Debian's package prometheus")
def test_prometheus_takes_the_rules_and_its_configuration():
    for what, file in (("rules", ALERTS), ("config", ALERTS.with_name("prometheus.yml"))):
        done = subprocess.run(["promtool", "check", what, str(file)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
