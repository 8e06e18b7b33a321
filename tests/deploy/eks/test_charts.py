"""The values of the controllers fit their charts, as Helm renders them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.support.dryrun import dry_run
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.namespaces import opened
from tests.deploy.eks.support import modules
from tests.deploy.eks.support.overlays import ROOT, one
from tests.deploy.eks.support.program import program

VALUES = ROOT / "deploy" / "eks" / "values"
LOAD_BALANCERS = "github.com/kubernetes-sigs/aws-load-balancer-controller"
CHARTS = {
    "aws-load-balancer-controller": (LOAD_BALANCERS, "helm/aws-load-balancer-controller"),
    "external-dns": ("sigs.k8s.io/external-dns", "charts/external-dns"),
}
NAMESPACES = {"aws-load-balancer-controller": "kube-system", "external-dns": "external-dns"}
SET = {
    "aws-load-balancer-controller": ["--set", "vpcId=vpc-0123456789abcdef0"],
    "external-dns": ["--set", "domainFilters[0]=books.example.com"],
}


def installed(name: str, folder: Path) -> list[Manifest]:
    """Return what Helm would install, with what the how-to gives by --set."""
    source, path = CHARTS[name]
    with modules.opened(source) as module:
        chart = module.unpack(path, folder)
    done = subprocess.run(
        [
            *(str(program("helm")), "template", name, str(chart), "--namespace", NAMESPACES[name]),
            *("--values", str(VALUES / f"{name}.yaml"), *SET[name]),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def arguments(manifests: list[Manifest]) -> set[str]:
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return set(container["args"])


def associated(namespace: str) -> set[str]:
    """Return the accounts of a namespace that the cluster associates with a role."""
    cluster = yaml.safe_load((ROOT / "deploy" / "eks" / "cluster.yaml").read_text())
    return {
        association["serviceAccountName"]
        for association in cluster["iam"]["podIdentityAssociations"]
        if association["namespace"] == namespace
    }


@pytest.mark.usefixtures("third_party_kinds")
@pytest.mark.parametrize("name", sorted(CHARTS))
def test_a_controller_passes_strict_validation(kube: Kube, tmp_path: Path, name: str) -> None:
    with opened(kube, "chart") as namespace:
        dry_run(kube, installed(name, tmp_path), namespace)


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_a_controller_runs_as_the_account_that_the_cluster_gives_a_role(
    tmp_path: Path, name: str
) -> None:
    account = one(installed(name, tmp_path), "ServiceAccount")["metadata"]["name"]
    assert account in associated(NAMESPACES[name])


def test_the_load_balancer_controller_knows_its_cluster_and_touches_no_other_service(
    tmp_path: Path,
) -> None:
    manifests = installed("aws-load-balancer-controller", tmp_path)
    assert arguments(manifests) >= {
        "--cluster-name=bookstore-eks-qa",
        "--aws-region=us-east-1",
        "--aws-vpc-id=vpc-0123456789abcdef0",
    }
    mutating = one(manifests, "MutatingWebhookConfiguration")["webhooks"]
    kinds = {kind for hook in mutating for rule in hook["rules"] for kind in rule["resources"]}
    assert "services" not in kinds


def test_external_dns_keeps_to_its_zone_and_its_own_records(tmp_path: Path) -> None:
    told = arguments(installed("external-dns", tmp_path))
    assert told >= {
        "--provider=aws",
        "--source=service",
        "--domain-filter=books.example.com",
        "--registry=txt",
        "--txt-owner-id=bookstore-eks-qa",
    }
