"""The project's kustomizations, rendered as kubectl renders them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import yaml

from tests.cluster.support.kube import Kube, Manifest

ROOT = Path(__file__).resolve().parents[4]
MANIFESTS = ROOT / "manifests"


def rendered(kube: Kube, folder: Path) -> list[Manifest]:
    """Return the manifests of a kustomization."""
    return [one for one in yaml.safe_load_all(kube.kubectl("kustomize", str(folder))) if one]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    """Return the only manifest of a kind."""
    (found,) = (manifest for manifest in manifests if manifest["kind"] == kind)
    return found


def written(folder: Path, **kustomization: object) -> Path:
    """Write a kustomization of a test, whose paths are absolute, and return its folder."""
    for field in ("resources", "components"):
        paths = kustomization.get(field, [])
        assert isinstance(paths, list)
        kustomization[field] = [os.path.relpath(path, folder.resolve()) for path in paths]
    header = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(json.dumps(header | kustomization))
    return folder
