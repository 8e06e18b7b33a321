"""Bad input and a poor account give one sentence with the fix, before anything is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.aws.fleet import environment
from deploy.aws.fleet.errors import FleetError
from tests.deploy.aws.conftest import Account, moto

IMAGE = ("--set", "Image=bookstore/app:1")
# What a lab allows: all that the stacks ask for, and nothing that makes or changes a role.
LAB = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": [f"iam:{verb}*" for verb in ("Create", "Put", "Attach", "Update", "Delete")],
            "Resource": "*",
        },
    ],
}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("up", "QA"), "ENV is 'QA'; use 2 to 10 lowercase letters and digits"),
        (("up", "stage"), "There is no environment stage: copy environments/qa.yaml"),
        (("up", "qa"), "Image is ''; use the name of an image with its tag or digest."),
        (("up", "qa", "--set", "Image"), "'Image' assigns nothing; write NAME=value."),
        (
            ("up", "qa", *IMAGE, "--set", "Imgae=x"),
            "Imgae in qa.yaml is no parameter of the templates; take it out.",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "Instances=1"),
            "Instances is '1'; use a whole number from 2 on.",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "Egress=proxy"),
            "Egress is 'proxy'; use one of nat, nat-per-zone, public.",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "NetworkPrefix=10.999"),
            "NetworkPrefix is '10.999'; use the first two numbers of a private network",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "Instances=6"),
            "InstancesLimit is 6 and Instances 6; a deploy starts one before it ends one, so set",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "DatabaseStorage=100"),
            "DatabaseStorageLimit is 100 and DatabaseStorage 100; RDS wants a tenth more, so set",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "HostedZoneId=Z0123456789ABC"),
            "HostedZoneId is set and DomainName is not; set both, or none.",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "SmtpHost=mail.example.com"),
            "SmtpHost is set and SmtpFrom is not; set both, or none.",
        ),
        (
            ("up", "qa", *IMAGE, "--set", "SmtpFrom=it's@example.com"),
            'SmtpFrom is "it\'s@example.com"; leave it empty, or use a sender such as',
        ),
        (
            ("up", "qa", *IMAGE, "--set", "CertificateArn=mine"),
            "CertificateArn is 'mine'; leave it empty, or use the ARN of a certificate of ACM",
        ),
        (("rotate", "qa", *IMAGE), "There is no fleet qa; run make fleet first."),
    ],
)
def test_bad_input_is_one_sentence(
    empty: Account, arguments: tuple[str, ...], sentence: str
) -> None:
    told = empty.fleet(*arguments)
    assert told.returncode == 1
    assert told.stderr.startswith(sentence)
    assert told.stderr.count("\n") == 1
    assert stacks(empty) == []


@pytest.fixture(scope="module")
def empty() -> Iterator[Account]:
    """Give an account with nothing in it, not even a role."""
    with moto() as account:
        yield account


def stacks(account: Account) -> list[str]:
    told = account.ask("cloudformation", "list_stacks")["StackSummaries"]
    return [each["StackName"] for each in told]


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("InstanceProfile=Mine", "✗  role: there is no instance profile Mine; set InstanceProfile"),
        ("InstanceType=t9.huge", "✗  machines: t9.huge is offered in 0 zones of us-east-1; set"),
        (
            "CertificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/a",
            "✗  certificate: arn:aws:acm:eu-west-1:123456789012:certificate/a is of another region",
        ),
        (
            "CertificateArn=arn:aws:acm:us-east-1:123456789012:certificate/a",
            "✗  certificate: arn:aws:acm:us-east-1:123456789012:certificate/a is not there; take",
        ),
        (
            "Image=123456789012.dkr.ecr.us-east-1.amazonaws.com/bookstore:1",
            "✗  image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/bookstore:1 is not there; push",
        ),
        ("FileSystemId=fs-0123456789abcdef0", "✗  kept data: "),
        ("DatabaseSnapshot=gone", "✗  kept data: DBSnapshot gone not found; correct FileSystemId"),
        (
            "DatabaseClass=db.t9.huge",
            "✗  database: db.t9.huge is not offered with MySQL 8.4 in us-east-1; set DatabaseClass",
        ),
        ("AccessLogsBucket=gone", "✗  access logs: there is no bucket gone; make it, or empty"),
    ],
)
def test_what_is_not_there_is_found_before_anything_is_made(
    empty: Account, assignment: str, sentence: str
) -> None:
    told = empty.fleet("up", "qa", "--yes", *IMAGE, "--set", assignment)
    assert told.returncode == 1
    assert any(line.startswith(sentence) for line in told.stdout.splitlines()), told.stdout
    assert told.stderr.startswith("Nothing was made; ")
    assert stacks(empty) == []


def test_a_certificate_that_is_not_issued_is_found(empty: Account) -> None:
    arn = empty.ask(
        "acm", "request_certificate", DomainName="books.example.com", ValidationMethod="DNS"
    )["CertificateArn"]
    told = empty.fleet("doctor", "qa", *IMAGE, "--set", f"CertificateArn={arn}")
    assert "✗  certificate: it is PENDING_VALIDATION; put the record that ACM" in told.stdout


def test_a_secret_of_the_mail_server_that_is_not_there_is_found(empty: Account) -> None:
    mail = ("SmtpHost=mail.example.com", "SmtpFrom=a@example.com", "SmtpSecret=gone")
    told = empty.fleet("doctor", "qa", *IMAGE, *(word for each in mail for word in ("--set", each)))
    assert "✗  mail: there is no secret gone; make it with the keys username and" in told.stdout
    assert told.returncode == 1


def test_an_instance_profile_without_a_role_is_found(empty: Account) -> None:
    empty.ask("iam", "create_instance_profile", InstanceProfileName="Bare")
    told = empty.fleet("doctor", "qa", *IMAGE, "--set", "InstanceProfile=Bare")
    assert (
        "✗  role: the instance profile Bare has no role; add one, such as LabRole." in told.stdout
    )


def test_a_zone_that_is_not_there_or_not_the_names_is_found(empty: Account) -> None:
    name = ("--set", "DomainName=books.example.com", "--set")
    gone = empty.fleet("doctor", "qa", *IMAGE, *name, "HostedZoneId=Z0123456789ABC")
    assert "✗  domain: there is no zone Z0123456789ABC; take one of" in gone.stdout
    zone = empty.ask("route53", "create_hosted_zone", Name="other.org", CallerReference="tests")
    id_ = zone["HostedZone"]["Id"].rpartition("/")[2]
    other = empty.fleet("doctor", "qa", *IMAGE, *name, f"HostedZoneId={id_}")
    assert f"✗  domain: books.example.com is not in the zone {id_} of other.org" in other.stdout
    assert (gone.returncode, other.returncode) == (1, 1)


def test_a_name_that_does_not_resolve_is_said(empty: Account) -> None:
    told = empty.fleet("doctor", "qa", *IMAGE, "--set", "DomainName=books.invalid")
    assert "?  domain: books.invalid does not resolve yet; make it a CNAME" in told.stdout


def test_a_full_quota_is_found_and_says_how_to_have_more(empty: Account) -> None:
    made = [
        empty.ask("ec2", "create_vpc", CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        for number in range(5)
    ]
    told = empty.fleet("doctor", "qa", *IMAGE)
    for network in made:
        empty.ask("ec2", "delete_vpc", VpcId=network)
    assert told.returncode == 1
    assert "of 5 VPCs are used and 1 more wanted; delete one, or ask for more: aws" in told.stdout


def test_a_region_that_no_file_names_is_said(tmp_path: Path) -> None:
    environments = tmp_path / "environments"
    environments.mkdir()
    (environments / "qa.yaml").write_text("region: mars\nparameters: {}\n")
    with pytest.raises(FleetError, match=r"region in qa\.yaml is 'mars'; write"):
        environment.load("qa", folder=tmp_path)


def test_without_credentials_nothing_else_is_asked(empty: Account) -> None:
    told = Account(empty.url, keys={}).fleet("doctor", "qa", *IMAGE)
    assert told.stdout == ("✗  credentials: there are none; run aws configure, or aws sso login.\n")
    assert told.returncode == 1


def test_a_region_that_does_not_answer_is_said() -> None:
    told = Account("http://127.0.0.1:9").fleet("doctor", "qa", *IMAGE)
    assert told.stdout.startswith("✗  credentials: nothing answers in us-east-1; check region")
    assert told.returncode == 1


def test_a_wrong_call_is_one_sentence(empty: Account) -> None:
    told = empty.fleet("destroy", "qa")
    assert told.returncode == 2
    assert told.stderr.startswith("Argument VERB: invalid choice: 'destroy'")
    assert told.stderr.count("\n") == 1


def test_the_fleet_is_made_by_an_account_that_may_not_create_roles() -> None:
    with moto() as owner:
        owner.make_lab()
        owner.ask("iam", "create_user", UserName="student")
        owner.ask(
            "iam", "put_user_policy",
            UserName="student", PolicyName="lab", PolicyDocument=json.dumps(LAB),
        )  # fmt: skip
        key = owner.ask("iam", "create_access_key", UserName="student")["AccessKey"]
        keys = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
        # From now on, moto asks IAM about every action.
        owner.enforce()
        student = Account(owner.url, keys)
        assert "AccessDenied" in student.refusal(
            "iam", "create_role", RoleName="Mine", AssumeRolePolicyDocument="{}"
        )
        up = student.fleet("up", "qa", "--yes", *IMAGE)
        assert up.returncode == 0, up.stdout + up.stderr
        assert "The shop: http://" in up.stdout
        roles = student.ask("iam", "list_roles")["Roles"]
        assert [role["RoleName"] for role in roles] == ["LabRole"]
        down = student.fleet("down", "qa", "--yes")
        assert down.returncode == 0, down.stdout + down.stderr
        student.close()


def test_a_new_password_is_made_once_the_deploy_is_agreed_to() -> None:
    with moto() as other:
        other.make_lab()
        assert other.fleet("up", "qa", "--yes", *IMAGE).returncode == 0
        before = versions(other)
        assert [shop_login_version(other)] == before
        declined = other.fleet("rotate", "qa", *IMAGE, answer="n\n")
        assert declined.returncode == 1
        assert "bookstore-qa-fleet stays as it was" in declined.stderr
        assert versions(other) == before
        rotated = other.fleet("rotate", "qa", *IMAGE, answer="y\n")
        assert rotated.returncode == 0, rotated.stdout + rotated.stderr
        assert "~ LaunchTemplate" in rotated.stdout
        version = shop_login_version(other)
        assert {*versions(other)} == {*before, version} != {*before}
        again = other.fleet("up", "qa", "--yes", *IMAGE)
        assert again.stdout.count("nothing to change") == 4
        assert shop_login_version(other) == version


def test_a_password_that_a_failed_deploy_left_is_deployed_before_another_is_made() -> None:
    with moto() as other:
        other.make_lab()
        assert other.fleet("up", "qa", "--yes", *IMAGE).returncode == 0
        left = other.ask(
            "secretsmanager", "put_secret_value",
            SecretId=outputs(other, "data")["ShopLoginSecret"],
            SecretString=json.dumps({"username": "bookstore", "password": "left-by-a-failure"}),
        )["VersionId"]  # fmt: skip
        rotated = other.fleet("rotate", "qa", "--yes", *IMAGE)
        assert "The password of the last rotation is not in use yet" in rotated.stdout
        assert shop_login_version(other) == left
        assert len(versions(other)) == 2


def versions(account: Account) -> list[str]:
    name = outputs(account, "data")["ShopLoginSecret"]
    told = account.ask("secretsmanager", "list_secret_version_ids", SecretId=name)
    return [each["VersionId"] for each in told["Versions"]]


def outputs(account: Account, part: str) -> dict[str, str]:
    told = account.ask("cloudformation", "describe_stacks", StackName=f"bookstore-qa-{part}")
    return {each["OutputKey"]: each["OutputValue"] for each in told["Stacks"][0]["Outputs"]}


def shop_login_version(account: Account) -> str:
    told = account.ask("cloudformation", "describe_stacks", StackName="bookstore-qa-fleet")
    parameters = {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in told["Stacks"][0]["Parameters"]
    }
    return str(parameters["ShopLoginVersion"])
