"""What the repository ships can be applied as it stands; the environments: tests/deploy/eks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bookstore_operator.api.crd import LONGEST_OF_SERVICES
from tests.cluster.support.dryrun import dry_run
from tests.cluster.support.kube import Kube
from tests.support import shown

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "manifests" / "samples").glob("*/store.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_a_sample_passes_strict_validation(kube: Kube, namespace: str, sample: Path) -> None:
    dry_run(kube, list(yaml.safe_load_all(sample.read_text())), namespace)


def test_the_installation_passes_strict_validation(kube: Kube, namespace: str) -> None:
    dry_run(kube, list(yaml.safe_load_all(kube.kubectl("kustomize", str(ROOT)))), namespace)


def test_what_the_pages_show_is_taken_with_all_its_rules(kube: Kube, namespace: str) -> None:
    found = [*shown.whole(), *shown.parts(), *shown.patches()]
    for number, (place, one) in enumerate(found):
        # By names of their own, they are no changes of each other; a store's has a limit.
        name = f"n{number}-{place.lower()}"[:LONGEST_OF_SERVICES].rstrip("-")
        one["metadata"] = {"name": name, "namespace": namespace}
    dry_run(kube, [one for _, one in found], namespace)
