"""The templates are clean, hold no role and no secret, and say what moto does not make of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.aws.conftest import ROOT, TEMPLATES

Templates = dict[str, Any]
TOOLS = ROOT / ".venv-deploy" / "bin"
FILES = sorted(map(str, TEMPLATES.glob("*.yaml")))


def of_type(template: Any, kind: str) -> dict[str, Any]:
    return {
        name: told["Properties"]
        for name, told in template["Resources"].items()
        if told["Type"] == kind
    }


def test_cfn_lint_finds_nothing() -> None:
    told = subprocess.run(
        [TOOLS / "cfn-lint", "--regions", "us-east-1", "eu-west-1", "--", *FILES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (0, "")


def test_checkov_finds_nothing_but_exceptions_with_a_reason() -> None:
    told = subprocess.run(
        [TOOLS / "checkov", "--directory", str(TEMPLATES), "--framework", "cloudformation",
         "--skip-download", "--output", "json", "--compact"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(told.stdout)["results"]
    failed = [f"{check['resource']}: {check['check_name']}" for check in found["failed_checks"]]
    assert failed == []
    assert len(found["passed_checks"]) > 30
    reasons = [check["check_result"]["suppress_comment"] for check in found["skipped_checks"]]
    assert all(len(reason) > 20 for reason in reasons)


def test_no_template_makes_a_role_or_anything_of_iam(templates: Templates) -> None:
    kinds = {
        told["Type"] for template in templates.values() for told in template["Resources"].values()
    }
    assert kinds
    assert [kind for kind in kinds if kind.startswith("AWS::IAM::")] == []
    assert "AWS::Lambda::Function" not in kinds, "a function wants a role"


def test_no_template_takes_or_gives_a_secret(templates: Templates) -> None:
    for template in templates.values():
        told = [*template["Parameters"], *template.get("Outputs", {})]
        assert [name for name in told if "password" in name.lower()] == []
        assert not re.search(r"\bMasterUserPassword\b", yaml.safe_dump(template))


def test_the_environments_files_say_nothing_secret_and_nothing_unknown(
    templates: Templates,
) -> None:
    known = {name for template in templates.values() for name in template["Parameters"]}
    for file in (TEMPLATES.parent / "environments").glob("*.yaml"):
        told = yaml.safe_load(file.read_text())
        assert set(told) == {"region", "parameters"}
        assert set(told["parameters"]) <= known


def test_data_outlives_its_stack(templates: Templates) -> None:
    made = templates["data"]["Resources"]
    for name, policy in (("FileSystem", "Retain"), ("Database", "Snapshot")):
        assert made[name]["DeletionPolicy"] == policy
        assert made[name]["UpdateReplacePolicy"] == policy


def test_a_group_lets_out_no_more_than_it_needs(templates: Templates) -> None:
    # moto lets every group out to everywhere, whatever a template says.
    groups = of_type(templates["network"], "AWS::EC2::SecurityGroup")
    out = {
        name: {
            (
                rule.get("FromPort"),
                rule.get("CidrIp") or rule["DestinationSecurityGroupId"]["Fn::GetAtt"],
            )
            for rule in told["SecurityGroupEgress"]
        }
        for name, told in groups.items()
    }
    assert out == {
        "LoadBalancerSecurityGroup": {(5000, "AppSecurityGroup.GroupId")},
        "AppSecurityGroup": {
            (2049, "FilesSecurityGroup.GroupId"),
            (3306, "DatabaseSecurityGroup.GroupId"),
            (443, "0.0.0.0/0"),
        },
        "FilesSecurityGroup": {(None, "127.0.0.1/32")},
        "DatabaseSecurityGroup": {(None, "127.0.0.1/32")},
    }
    mail = templates["network"]["Resources"]["AppToMailServer"]
    assert mail["Condition"] == "WithSmtp"
    assert mail["Properties"]["FromPort"] == mail["Properties"]["ToPort"] == {"Ref": "SmtpPort"}


def test_the_database_is_encrypted_backed_up_and_its_password_rotates(
    templates: Templates,
) -> None:
    database = templates["data"]["Resources"]["Database"]["Properties"]
    assert database["ManageMasterUserPassword"] is True
    assert database["StorageEncrypted"]["Fn::If"][2] is True
    assert database["BackupRetentionPeriod"] == {"Ref": "BackupDays"}
    parameters = of_type(templates["data"], "AWS::RDS::DBParameterGroup")
    assert parameters["DatabaseParameters"]["Parameters"]["require_secure_transport"] == "1"


def test_a_deploy_goes_on_when_an_instance_serves_and_back_when_one_does_not(
    templates: Templates,
) -> None:
    fleet = templates["fleet"]["Resources"]["Fleet"]
    assert fleet["CreationPolicy"]["ResourceSignal"]["Count"] == {"Ref": "Instances"}
    update = fleet["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert (update["MaxBatchSize"], update["WaitOnResourceSignals"]) == (1, True)
    assert update["MinSuccessfulInstancesPercent"] == 100
    assert update["MinInstancesInService"] == {"Ref": "Instances"}


def test_a_template_fits_into_a_request(templates: Templates) -> None:
    for name in templates:
        assert Path(TEMPLATES / f"{name}.yaml").stat().st_size < 51_200
