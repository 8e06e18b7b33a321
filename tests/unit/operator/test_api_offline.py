"""What is refused without a cluster: by an editor, or by ``kubeconform -strict``.

Both know the CRD's OpenAPI schema alone. The stores of ``tests/cluster/invalid`` are refused by it
but for those that only CEL can refuse, which are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.operator.openapi import closed, fits

ROOT = Path(__file__).parents[3]
CRD = yaml.safe_load((ROOT / "crds" / "bookstores.yaml").read_text())
SCHEMA = closed(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
del SCHEMA["properties"]["metadata"]["additionalProperties"]

INVALID = sorted((ROOT / "tests" / "cluster" / "invalid").glob("*.yaml"))

COMPARED = {
    "efs-access-point-and-path",
    "tls-without-authority",
    "memory-over-limit",
    "ephemeral-storage-over-limit",
    "claim-size-beyond-kubernetes",
    "aws-of-another-class",
    "aws-said-twice",
    "certificate-at-port-443",
    "certificate-without-host",
    "ingress-certificate-of-acm-without-alb",
    "ingress-of-two-controllers",
    "ingress-secret-for-alb",
    "mail-of-a-load-balancer-without-host",
    "mail-without-address-of-the-shop",
    "metrics-from-without-policies",
    "pods-as-targets-of-the-cloud-provider",
    "rds-protected-from-deletion",
    "rds-max-storage-below-storage",
    "rds-key-without-encryption",
    "percona-size-even",
}
"""Fields that are compared with each other or with an amount."""

KEYS = {
    "annotation-of-operator",
    "annotation-key",
    "annotation-key-with-long-name",
    "annotation-key-with-long-prefix",
}
"""Keys that a person chooses, of which a structural schema says nothing."""

CHANGES = {path.stem for path in INVALID if "\n---\n" in path.read_text()}
"""Changes of a live store."""

LISTS = {"image-pull-secret-twice", "ingress-host-twice", "percona-backup-storage-twice"}
"""Entries that a list knows by a key."""

ONLY_THE_API_SERVER = COMPARED | KEYS | CHANGES | LISTS


def stores(text: str) -> list[Any]:
    documents = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    return [one for one in documents if one.get("kind") == "BookStore"]


def shown() -> Iterator[Any]:
    """Yield the stores that the repository shows to people."""
    for path in sorted((ROOT / "manifests" / "samples").glob("*/store.yaml")):
        for number, one in enumerate(stores(path.read_text())):
            yield pytest.param(one, id=f"{path.parent.name}-{number}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*/*.md"))):
        blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
        for number, one in enumerate(one for block in blocks for one in stores(block)):
            yield pytest.param(one, id=f"{page.stem}-{number}")


SHOWN = list(shown())

LEAST = {
    "image": "bookstore/app:1.0.0",
    "database": {"embedded": {}},
    "storage": {"claim": {}},
}


def fragments() -> Iterator[Any]:
    """Yield the parts of a spec that pages show, which begin with spec, as whole stores."""
    for page in sorted((ROOT / "docs").glob("*/*.md")):
        for number, block in enumerate(
            re.findall(r"```yaml\n(spec:\n.*?)```", page.read_text(), re.DOTALL)
        ):
            spec = LEAST | yaml.safe_load(block)["spec"]
            store = {"apiVersion": "bookstore.dev/v1", "kind": "BookStore", "spec": spec}
            yield pytest.param(store, id=f"{page.stem}-{number}")


FRAGMENTS = list(fragments())


def test_the_repository_shows_stores() -> None:
    assert {param.id for param in SHOWN} >= {"eks-0", "local-0", "README-0"}


@pytest.mark.parametrize("store", SHOWN)
def test_a_store_that_we_show_fits(store: Any) -> None:
    assert fits(SCHEMA, store)


@pytest.mark.parametrize("store", FRAGMENTS)
def test_a_part_of_a_spec_that_a_page_shows_fits(store: Any) -> None:
    assert fits(SCHEMA, store)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_editor_refuses_what_openapi_can_refuse(path: Path) -> None:
    *live, refused = yaml.safe_load_all(path.read_text())
    assert all(fits(SCHEMA, one) for one in live)
    assert fits(SCHEMA, refused) == (path.stem in ONLY_THE_API_SERVER)
