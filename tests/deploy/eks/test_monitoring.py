"""The alerts fire when they should, on metrics that the shop and the operator have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.core import Metric

from bookstore.core.observability import metrics as of_the_shop
from bookstore_operator import metrics as of_the_operator
from tests.cluster.support.kube import Manifest
from tests.deploy.eks.support.overlays import MANIFESTS, ROOT
from tests.deploy.eks.support.program import program

COMPONENTS = MANIFESTS / "components"
CASES = Path(__file__).parent / "alerts"
RULES = {
    "shop": COMPONENTS / "monitoring" / "prometheusrule.yaml",
    "operator": COMPONENTS / "monitoring-operator" / "prometheusrule.yaml",
}
DASHBOARD = COMPONENTS / "monitoring" / "dashboard.json"
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
GUIDES = (ROOT / "docs" / "how-to" / "observe.md", ROOT / "docs" / "reference" / "metrics.md")
ROW = re.compile(r"^\| `(\w+)`", re.MULTILINE)
OWN = re.compile(r"\bbookstore_\w+")
# Whose import registers the metrics.
REGISTERED = (of_the_shop, of_the_operator)


def spec(name: str) -> Manifest:
    found: Manifest = yaml.safe_load(RULES[name].read_text())["spec"]
    return found


def rules(name: str) -> Iterator[Manifest]:
    for group in spec(name)["groups"]:
        yield from group["rules"]


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_alerts_fire_when_they_should_and_at_no_other_time(tmp_path: Path, name: str) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec(name)))
    case = Path(shutil.copy(CASES / f"{name}.yaml", tmp_path))
    done = subprocess.run(
        [program("promtool"), "test", "rules", case], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_alert_has_a_case_in_which_it_fires(name: str) -> None:
    cases = yaml.safe_load((CASES / f"{name}.yaml").read_text())["tests"]
    fired = {
        expected["alertname"]
        for case in cases
        for expected in case["alert_rule_test"]
        if expected.get("exp_alerts")
    }
    assert fired == {rule["alert"] for rule in rules(name)}


def described() -> list[Metric]:
    """Return the metrics of shop and operator."""
    collectors = list(REGISTRY._collector_to_names)
    return [metric for one in collectors if hasattr(one, "describe") for metric in one.describe()]


def exposed() -> set[str]:
    """Return the names under which Prometheus gets the metrics of shop and operator."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
    return {
        metric.name + suffix for metric in described() for suffix in suffixes.get(metric.type, [])
    }


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_alerts_ask_for_metrics_that_there_are(name: str) -> None:
    asked = {metric for rule in rules(name) for metric in OWN.findall(rule["expr"])}
    known = exposed()
    assert asked
    assert asked - known == set()


def test_the_reference_names_the_metrics_that_there_are_and_no_others() -> None:
    own = [metric for metric in described() if OWN.match(metric.name)]
    names = {metric.name + ("_total" if metric.type == "counter" else "") for metric in own}
    guide, page = (path.read_text() for path in GUIDES)
    assert set(ROW.findall(page)) == names
    assert set(OWN.findall(guide)) <= names


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    asked += [variable["query"]["query"] for variable in board["templating"]["list"][1:]]
    named = {metric for expression in asked for metric in OWN.findall(expression)}
    assert named
    assert named - exposed() == set()


def test_every_metric_of_shop_and_operator_is_on_the_dashboard() -> None:
    board, own = DASHBOARD.read_text(), [one for one in described() if OWN.match(one.name)]
    assert [metric.name for metric in own if metric.name not in board] == []


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_expression_of_rules_and_dashboard_is_one(tmp_path: Path, name: str) -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [
        {"record": f"panel:{panel['id']}:{target['refId']}", "expr": expression(target["expr"])}
        for panel in panels
        for target in panel.get("targets", [])
    ]
    groups = [*spec(name)["groups"], {"name": "dashboard", "rules": shown}]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run(
        [program("promtool"), "check", "rules", "--lint=all", tmp_path / "rules.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expression(text: str) -> str:
    """Return an expression of the dashboard as Grafana sends it."""
    return text.replace("$namespace", ".*")


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_alert_leads_to_its_runbook(name: str) -> None:
    for rule in rules(name):
        page = ROOT / rule["annotations"]["runbook_url"]
        assert page == RUNBOOKS / f"{rule['alert']}.md"
        heads = re.findall("^## (.*)$", page.read_text(), re.MULTILINE)
        assert heads == SECTIONS, page.name


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    known = {rule["alert"] for name in RULES for rule in rules(name)}
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == known | {"README"}
