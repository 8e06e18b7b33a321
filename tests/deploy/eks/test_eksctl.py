"""The files of the cluster fit eksctl's own schema, and the lab's asks for no role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.deploy.eks.support import modules
from tests.deploy.eks.support.overlays import ROOT

EKS = ROOT / "deploy" / "eks"
FILES = {name: EKS / f"{name}.yaml" for name in ("cluster", "cluster-lab")}
EKSCTL = "github.com/weaveworks/eksctl"
SCHEMA = "pkg/apis/eksctl.io/v1alpha5/assets/schema.json"
# What lets eksctl make a role, or attach a policy to one.
MAKES_ROLES = {
    "attachPolicy",
    "attachPolicyARNs",
    "permissionPolicy",
    "permissionPolicyARNs",
    "policy",
    "serviceAccounts",
    "useDefaultPodIdentityAssociations",
    "wellKnownPolicies",
    "withAddonPolicies",
}


@pytest.fixture(scope="module")
def schema() -> Draft7Validator:
    with modules.opened(EKSCTL) as module:
        return Draft7Validator(json.loads(module.read(SCHEMA)))


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILES[name].read_text())
    return found


def problems(schema: Draft7Validator, config: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in schema.iter_errors(config)]


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_cluster_fits_the_schema_of_eksctl(schema: Draft7Validator, name: str) -> None:
    assert problems(schema, read(name)) == []


def test_the_schema_knows_a_field_that_is_misspelt(schema: Draft7Validator) -> None:
    config = read("cluster-lab")
    config["managedNodeGroups"][0]["iam"] = {"instanceRoleArn": "arn:aws:iam::1:role/x"}
    assert len(problems(schema, config)) == 1


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_cluster_is_the_one_of_the_product(name: str) -> None:
    config = read(name)
    assert config["metadata"]["name"] == "bookstore-eks-qa"
    assert config["metadata"]["region"] == "us-east-1"
    assert len(config["availabilityZones"]) == 2
    (group,) = config["managedNodeGroups"]
    assert (group["instanceType"], group["desiredCapacity"]) == ("t3.medium", 2)
    assert group["privateNetworking"]
    assert group["volumeEncrypted"]
    wanted = {"vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "metrics-server"}
    assert {addon["name"] for addon in config["addons"]} == {*wanted, "aws-efs-csi-driver"}


def fields(node: Any) -> Iterator[tuple[str, Any]]:
    """Return every field of a document, at any depth."""
    if isinstance(node, dict):
        yield from node.items()
        for value in node.values():
            yield from fields(value)
    elif isinstance(node, list):
        for value in node:
            yield from fields(value)


def test_the_cluster_of_a_lab_uses_the_roles_that_are_there_and_makes_none() -> None:
    config = read("cluster-lab")
    assert config["iam"]["serviceRoleARN"].endswith(":role/LabEksClusterRole")
    assert config["iam"]["withOIDC"] is False
    assert config["iam"]["vpcResourceControllerPolicy"] is False
    assert config["addonsConfig"]["autoApplyPodIdentityAssociations"] is False
    for group in config["managedNodeGroups"]:
        assert group["iam"]["instanceRoleARN"].endswith(":role/LabEksNodeRole")
    associations = [
        association
        for name, value in fields(config)
        if name == "podIdentityAssociations"
        for association in value
    ]
    assert [one for one in associations if "roleARN" not in one] == []
    assert {name for name, _ in fields(config)} & MAKES_ROLES == set()


def test_every_controller_of_the_cluster_with_rights_has_a_role_by_pod_identity() -> None:
    config = read("cluster")
    associations = {
        (association["namespace"], association["serviceAccountName"])
        for name, value in fields(config)
        if name == "podIdentityAssociations"
        for association in value
    }
    assert associations == {
        ("kube-system", "aws-node"),
        ("kube-system", "aws-load-balancer-controller"),
        ("kube-system", "efs-csi-controller-sa"),
        ("external-dns", "external-dns"),
        ("ack-system", "ack-rds-controller"),
    }
    assert config["iam"]["withOIDC"] is False
