"""What `kubectl apply -k .` installs, as the chart and the bundle are made from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.operations.sources import COMPONENTS, ROOT

Manifest = dict[str, Any]

OPERATOR = ROOT / "manifests" / "operator"
MONITORING = COMPONENTS / "monitoring-operator"
CRDS = ROOT / "crds"
NAMESPACE = "bookstore-system"


def installed() -> dict[str, list[Manifest]]:
    """Return the objects of manifests/operator by file, labelled as its kustomization says."""
    return _of(OPERATOR)


def monitoring() -> dict[str, list[Manifest]]:
    """Return the objects of the component that watches the operator, by file."""
    return _of(MONITORING)


def definitions() -> dict[str, str]:
    """Return the CustomResourceDefinitions by file, as they are."""
    return {path.name: path.read_text() for path in sorted(CRDS.glob("*.yaml")) if _is_crd(path)}


def one(kind: str) -> Manifest:
    """Return the only object of a kind that the operator's manifests have."""
    (found,) = [m for held in installed().values() for m in held if m["kind"] == kind]
    return found


def _of(folder: Path) -> dict[str, list[Manifest]]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    labels = {
        name: value
        for pairs in kustomization.get("labels", [])
        for name, value in pairs["pairs"].items()
    }
    return {
        name: [_labelled(one, labels) for one in _read(folder / name)]
        for name in kustomization["resources"]
    }


def _read(path: Path) -> Iterator[Manifest]:
    yield from yaml.safe_load_all(path.read_text())


def _labelled(manifest: Manifest, labels: dict[str, str]) -> Manifest:
    metadata = manifest["metadata"]
    if labels:
        metadata = {**metadata, "labels": {**metadata.get("labels", {}), **labels}}
    return {**manifest, "metadata": metadata}


def _is_crd(path: Path) -> bool:
    return "\nkind: CustomResourceDefinition\n" in path.read_text()
