"""What is refused without a cluster: by an editor, or by ``kubeconform -strict``.

Both know the CRD's OpenAPI schema alone. The stores of ``tests/cluster/invalid`` are refused by it
but for those that only CEL can refuse, which are listed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.support import shown
from tests.unit.operator.openapi import closed, fits

ROOT = Path(__file__).parents[3]
SCHEMAS = {}
for crd in map(yaml.safe_load, (path.read_text() for path in ROOT.glob("crds/bookstore*.yaml"))):
    schema = closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    del schema["properties"]["metadata"]["additionalProperties"]
    SCHEMAS[crd["spec"]["names"]["kind"]] = schema

INVALID = sorted((ROOT / "tests" / "cluster" / "invalid").glob("*.yaml"))

COMPARED = {
    "autoscaling-and-replicas",
    "autoscaling-bounds",
    "connection-budget",
    "env-of-nothing",
    "env-of-operator",
    "env-of-the-bucket",
    "pod-template-container-mount-of-nothing",
    "pod-template-container-twice",
    "pod-template-mount-of-nothing",
    "pod-template-port",
    "pod-template-probe-of-nothing",
    "pod-template-probe-of-what-ends",
    "pod-template-volume-of-nothing",
    "pod-template-volume-of-operator",
    "spread-over-one-node",
    "toleration-for-ever-by-seconds",
    "toleration-of-a-value-that-exists",
    "toleration-of-nothing",
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
    "percona-connection-budget",
    "percona-size-even",
    "backup-s3-authority-of-amazon",
    "services-backup",
    "services-connection-budget",
    "services-name",
    "services-of-one",
    "services-replicas-and-autoscaling",
    "services-schema",
    "services-with-logins",
    "services-without-logins",
}
"""Fields that are compared with each other or with an amount."""

KEYS = {
    "node-selector-key",
    "pod-template-label",
    "annotation-of-operator",
    "annotation-key",
    "annotation-key-with-long-name",
    "annotation-key-with-long-prefix",
}
"""Keys that a person chooses, of which a structural schema says nothing."""

CHANGES = {path.stem for path in INVALID if "\n---\n" in path.read_text()}
"""Changes of a live store."""

LISTS = {
    "env-twice",
    "image-pull-secret-twice",
    "ingress-host-twice",
    "percona-backup-storage-twice",
}
"""Entries that a list knows by a key."""

ONLY_THE_API_SERVER = COMPARED | KEYS | CHANGES | LISTS


SHOWN = dict([*shown.whole(), *shown.parts(), *shown.patches()])


def test_the_repository_shows_resources_parts_and_patches() -> None:
    assert SHOWN.keys() >= {"eks-store-0", "local-store-0", "README-0", "rds-0", "restore-0"}
    assert SHOWN.keys() >= {"gateway-part-0", "network-policies-part-0", "hibernate-patch-0"}


@pytest.mark.parametrize("name", SHOWN)
def test_what_we_show_fits(name: str) -> None:
    assert fits(SCHEMAS[SHOWN[name]["kind"]], SHOWN[name])


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_editor_refuses_what_openapi_can_refuse(path: Path) -> None:
    *live, refused = yaml.safe_load_all(path.read_text())
    schema = SCHEMAS[refused["kind"]]
    assert all(fits(schema, one) for one in live)
    assert fits(schema, refused) == (path.stem in ONLY_THE_API_SERVER)
