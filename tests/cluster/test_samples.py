"""What the repository ships can be applied as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.support.kube import Kube

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
SAMPLES = sorted((MANIFESTS / "samples").glob("*.yaml"))
BASES = [ROOT, *sorted(found.parent for found in MANIFESTS.rglob("kustomization.yaml"))]


def dry_run(kube: Kube, rendered: str, namespace: str) -> None:
    """Let the API server judge manifests, in a namespace that exists, and keep nothing."""
    manifests = [manifest for manifest in yaml.safe_load_all(rendered) if manifest]
    assert manifests
    for manifest in manifests:
        if "namespace" in manifest["metadata"]:
            manifest["metadata"]["namespace"] = namespace
    kube.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"),
        *("--namespace", namespace, "-f", "-"),
        stdin=yaml.safe_dump_all(manifests),
    )


@pytest.mark.parametrize(
    "sample", [p for p in SAMPLES if p.name != "kustomization.yaml"], ids=lambda p: p.name
)
def test_a_sample_passes_strict_validation(kube: Kube, namespace: str, sample: Path) -> None:
    dry_run(kube, sample.read_text(), namespace)


@pytest.mark.parametrize("base", BASES, ids=lambda p: str(p.relative_to(ROOT)))
def test_an_overlay_passes_strict_validation(kube: Kube, namespace: str, base: Path) -> None:
    dry_run(kube, kube.kubectl("kustomize", str(base)), namespace)
