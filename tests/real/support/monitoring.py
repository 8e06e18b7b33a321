"""What the project ships for people to watch stores with, taken as they take it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.cluster.support.kube import Kube, Manifest
from tests.deploy.eks.support.overlays import MANIFESTS, ROOT, written
from tests.support.shown import blocks

COMPONENTS = MANIFESTS / "components"
OF_THE_SHOP = COMPONENTS / "monitoring"
OF_THE_OPERATOR = COMPONENTS / "monitoring-operator"
GUIDE = ROOT / "docs" / "how-to" / "scale.md"


@contextmanager
def added(kube: Kube, folder: Path, component: Path, namespace: str = "") -> Iterator[None]:
    """Have a component applied, in another namespace than its own where one is given.

    ``folder`` is an empty one, for the kustomization.
    """
    where = {"namespace": namespace} if namespace else {}
    kustomization = str(written(folder, components=[component], **where))
    kube.kubectl("apply", "--server-side", "-k", kustomization)
    try:
        yield
    finally:
        kube.kubectl("delete", "--ignore-not-found", "-k", kustomization)


def shipped_alerts() -> dict[str, Manifest]:
    """Return the alerts that the components have, by name."""
    files = [folder / "prometheusrule.yaml" for folder in (OF_THE_SHOP, OF_THE_OPERATOR)]
    groups = [
        group for file in files for group in yaml.safe_load(file.read_text())["spec"]["groups"]
    ]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def panels(namespace: str) -> Iterator[tuple[str, str]]:
    """Yield the dashboard's queries as Grafana asks them for a namespace, by panel and letter."""
    board = json.loads((OF_THE_SHOP / "dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            asked = target["expr"].replace("$namespace", namespace)
            yield f"{panel['title']} {target['refId']}", asked


def adapter_rules() -> Manifest:
    """Return the configuration of prometheus-adapter that the guide gives."""
    (found,) = [block for block in blocks(GUIDE) if block.startswith("rules:\n")]
    config: Manifest = yaml.safe_load(found)
    return config
