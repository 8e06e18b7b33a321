"""The way from an empty account to a shop under a domain, typed as its page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.eks.support import account as aws
from tests.deploy.eks.support.account import NUMBER, Account, Terminal, blocks
from tests.deploy.eks.support.overlays import ROOT, one

PAGE = ROOT / "docs" / "how-to" / "eks.md"
# By the kind of account: the marks of the blocks that its owner types.
TYPED = {"qa": {"", "roles"}, "lab": {"", "lab"}}
ZONE = "example.com"
TRUST = ("--assume-role-policy-document", '{"Version": "2012-10-17", "Statement": []}')


@pytest.fixture(scope="module", params=sorted(TYPED))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def account(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Open an account that has a zone for the domain, and where it is a lab's the lab's roles."""
    with aws.opened(tmp_path_factory.mktemp("account") / "log") as found:
        found.ask("route53", "create-hosted-zone", "--name", ZONE, "--caller-reference", "test")
        for role in roles() if kind == "lab" else ():
            found.ask("iam", "create-role", "--role-name", role, *TRUST)
        yield found


def roles() -> list[str]:
    return [f"c12345-Lab{name}Role-AbCd" for name in ("EksCluster", "EksNode")]


def commands(*marks: str) -> str:
    """Return what the page wants typed, of the blocks with these marks."""
    return "".join(text for mark, text in blocks(PAGE) if mark in marks)


@pytest.fixture(scope="module")
def terminal(account: Account, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Type the page from the top to the shop."""
    typed = Terminal(account, tmp_path_factory.mktemp("terminal"))
    complaints = typed.type(commands(*TYPED[kind]))
    assert "has no" not in complaints
    return typed


@pytest.fixture(scope="module")
def applied(terminal: Terminal) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(terminal.rendered()) if found]


def test_the_store_names_what_the_account_got(
    account: Account, kind: str, applied: list[dict[str, Any]]
) -> None:
    store = one(applied, "BookStore")["spec"]
    registry = f"{NUMBER}.dkr.ecr.us-east-1.amazonaws.com"
    (files,) = account.ask("efs", "describe-file-systems")["FileSystems"]
    (point,) = account.ask("efs", "describe-access-points")["AccessPoints"]
    (database,) = account.ask("rds", "describe-db-instances")["DBInstances"]
    (certificate,) = account.ask("acm", "list-certificates")["CertificateSummaryList"]
    assert store["image"] == f"{registry}/bookstore/app:0.1.0"
    assert store["database"]["external"]["host"] == database["Endpoint"]["Address"]
    assert store["storage"]["efs"] == {
        "fileSystemId": files["FileSystemId"],
        "accessPointId": point["AccessPointId"],
    }
    balancer = store["exposure"]["loadBalancer"]
    assert balancer["aws"]["certificateArn"] == certificate["CertificateArn"]
    assert balancer["host"] == certificate["DomainName"]
    operator = one(applied, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert operator["image"] == f"{registry}/bookstore/operator:0.1.0"
    # The examples in the schema's sentences keep the documentation's account.
    ours = [found for found in applied if found["kind"] != "CustomResourceDefinition"]
    assert "123456789012" not in yaml.safe_dump_all(ours)


def test_the_files_belong_to_the_user_of_the_shop(account: Account, terminal: Terminal) -> None:
    (point,) = account.ask("efs", "describe-access-points")["AccessPoints"]
    owner = point["RootDirectory"]["CreationInfo"]
    assert (point["PosixUser"]["Uid"], point["PosixUser"]["Gid"]) == (10001, 10001)
    assert (owner["OwnerUid"], owner["OwnerGid"], owner["Permissions"]) == (10001, 10001, "0750")
    (files,) = account.ask("efs", "describe-file-systems")["FileSystems"]
    assert files["Encrypted"]
    targets = account.ask(
        "efs", "describe-mount-targets", "--file-system-id", files["FileSystemId"]
    )
    assert len(targets["MountTargets"]) == 2


@pytest.mark.parametrize(("group", "port"), [("efs", 2049), ("rds", 3306)])
def test_a_group_lets_the_nodes_in_and_nobody_else(
    account: Account, terminal: Terminal, kind: str, group: str, port: int
) -> None:
    found = {
        one["GroupName"]: one
        for one in account.ask("ec2", "describe-security-groups")["SecurityGroups"]
    }
    (rule,) = found[f"bookstore-{kind}-{group}"]["IpPermissions"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", port, port)
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [
        found["bookstore-eks-qa"]["GroupId"]
    ]
    assert rule["IpRanges"] == rule.get("Ipv6Ranges", []) == []


def test_the_database_is_private_encrypted_and_protected(
    account: Account, terminal: Terminal, applied: list[dict[str, Any]]
) -> None:
    (database,) = account.ask("rds", "describe-db-instances")["DBInstances"]
    wanted = {"StorageEncrypted": True, "PubliclyAccessible": False, "DeletionProtection": True}
    assert database.items() >= wanted.items()
    assert database["EngineVersion"].startswith("8.4")
    assert len(database["DBSubnetGroup"]["Subnets"]) == 2
    store = one(applied, "BookStore")["spec"]["database"]["external"]
    assert (database["DBName"], database["MasterUsername"]) == (store["schema"], "bookstore")


def test_the_password_is_in_the_secret_alone(
    terminal: Terminal, applied: list[dict[str, Any]]
) -> None:
    (secret,) = (found for found in applied if found["kind"] == "Secret")
    assert set(secret["data"]) == {"username", "password"}
    assert not (terminal.checkout / "password.txt").exists()
    assert "openssl rand" not in "".join(terminal.calls("kubectl"))


def test_the_certificate_can_be_validated_by_its_record_in_the_zone(
    account: Account, terminal: Terminal, kind: str
) -> None:
    (zone,) = account.ask("route53", "list-hosted-zones")["HostedZones"]
    sets = account.ask("route53", "list-resource-record-sets", "--hosted-zone-id", zone["Id"])
    names = {
        found["Name"]: found["ResourceRecords"][0]["Value"]
        for found in sets["ResourceRecordSets"]
        if found["Type"] == "CNAME"
    }
    (certificate,) = account.ask("acm", "list-certificates")["CertificateSummaryList"]
    told = account.ask(
        "acm", "describe-certificate", "--certificate-arn", certificate["CertificateArn"]
    )
    record = told["Certificate"]["DomainValidationOptions"][0]["ResourceRecord"]
    assert names[record["Name"].rstrip(".") + "."] == record["Value"]
    # Elsewhere ExternalDNS makes it.
    pointed = {"lab": "bookstore-1.elb.us-east-1.amazonaws.com", "qa": None}
    assert names.get(f"books-qa.{ZONE}.") == pointed[kind]


def test_the_controllers_are_installed_where_they_can_have_a_role(
    terminal: Terminal, kind: str
) -> None:
    calls = terminal.calls("helm")
    assert len(calls) == (2 if kind == "qa" else 0)
    for call in calls:
        (values,) = re.findall(r"--values (\S+)", call)
        assert (terminal.checkout / values).is_file()
    assert any(re.search(r"--set vpcId=vpc-\w+$", call) for call in calls) == (kind == "qa")


def test_a_lab_takes_the_roles_that_it_has_and_makes_none(
    account: Account, terminal: Terminal, kind: str
) -> None:
    here = sorted(role["RoleName"] for role in account.ask("iam", "list-roles")["Roles"])
    assert here == (sorted(roles()) if kind == "lab" else [])
    assert terminal.calls("eksctl") == [
        f"create cluster --config-file deploy/eks/cluster{'-lab' * (kind == 'lab')}.yaml"
    ]
    if kind == "lab":
        config = yaml.safe_load((terminal.checkout / "deploy/eks/cluster-lab.yaml").read_text())
        cluster, node = (f"arn:aws:iam::{NUMBER}:role/{role}" for role in roles())
        assert config["iam"]["serviceRoleARN"] == cluster
        assert config["managedNodeGroups"][0]["iam"]["instanceRoleARN"] == node


def test_what_undoes_it_leaves_a_snapshot_and_nothing_that_costs(
    account: Account, terminal: Terminal, kind: str
) -> None:
    # The last to look at this account.
    terminal.type(commands("undo"))
    assert account.ask("rds", "describe-db-instances")["DBInstances"] == []
    (snapshot,) = account.ask("rds", "describe-db-snapshots")["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"] == f"bookstore-{kind}-last"
    assert account.ask("rds", "describe-db-subnet-groups")["DBSubnetGroups"] == []
    assert account.ask("efs", "describe-file-systems")["FileSystems"] == []
    assert account.ask("acm", "list-certificates")["CertificateSummaryList"] == []
    assert account.ask("ecr", "describe-repositories")["repositories"] == []
    groups = account.ask("ec2", "describe-security-groups")["SecurityGroups"]
    assert {group["GroupName"] for group in groups} == {"default"}
    vpcs = account.ask("ec2", "describe-vpcs")["Vpcs"]
    assert [vpc["VpcId"] for vpc in vpcs if not vpc["IsDefault"]] == []


def test_a_role_and_a_zone_that_are_not_there_are_said_before_anything_is_made(
    tmp_path: Path,
) -> None:
    roles_of_a_lab = next(text for mark, text in blocks(PAGE) if "list-roles" in text)
    zone = next(text for _, text in blocks(PAGE) if "ZONE_ID=" in text).partition("point()")[0]
    with aws.opened(tmp_path / "log") as empty:
        typed = Terminal(empty, tmp_path)
        before = (typed.checkout / "deploy/eks/cluster-lab.yaml").read_text()
        complaints = typed.type(f"ZONE=example.org\n{roles_of_a_lab}{zone}")
    for role in ("LabEksClusterRole", "LabEksNodeRole"):
        assert f"This account has no role {role}: write the ARN" in complaints
    assert "Route 53 has no zone example.org here: set ZONE" in complaints
    assert (typed.checkout / "deploy/eks/cluster-lab.yaml").read_text() == before
