"""What the repository ships can be applied as it stands; the environments: tests/deploy/eks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.support.dryrun import dry_run
from tests.cluster.support.kube import Kube

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "manifests" / "samples").glob("*/store.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_a_sample_passes_strict_validation(kube: Kube, namespace: str, sample: Path) -> None:
    dry_run(kube, list(yaml.safe_load_all(sample.read_text())), namespace)


def test_the_installation_passes_strict_validation(kube: Kube, namespace: str) -> None:
    dry_run(kube, list(yaml.safe_load_all(kube.kubectl("kustomize", str(ROOT)))), namespace)
