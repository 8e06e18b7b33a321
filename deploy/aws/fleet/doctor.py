"""Check account and settings before anything is made: one sentence with the fix for each."""

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from deploy.aws.fleet.environment import Environment

REFUSED = re.compile(r"AccessDenied|Unauthorized|NotAuthorized|Forbidden")
# What the stacks ask for. No right to create or to change a role is among it.
RIGHTS = (
    "autoscaling:CreateAutoScalingGroup", "autoscaling:PutLifecycleHook",
    "autoscaling:PutScalingPolicy", "cloudformation:CreateChangeSet",
    "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "ec2:CreateLaunchTemplate",
    "ec2:CreateSecurityGroup", "ec2:CreateVpc", "ec2:RunInstances",
    "elasticfilesystem:CreateFileSystem", "elasticloadbalancing:CreateLoadBalancer",
    "iam:PassRole", "logs:CreateLogGroup", "rds:CreateDBInstance",
    "secretsmanager:CreateSecret", "sns:CreateTopic",
)  # fmt: skip
# What an instance asks for, by its role.
INSTANCE_RIGHTS = ("secretsmanager:GetSecretValue", "autoscaling:CompleteLifecycleAction")


@dataclass(frozen=True)
class Finding:
    """What a check found: `good` is None where nobody may look."""

    subject: str
    good: bool | None
    sentence: str

    def __str__(self) -> str:
        """Give it as a line."""
        mark = {True: "✓", False: "✗", None: "?"}[self.good]
        return f"{mark}  {self.subject}: {self.sentence}"


def report(environment: Environment, say: Callable[[str], None]) -> bool:
    """Say every finding, and tell whether nothing is in the way."""
    good = True
    for finding in Doctor(environment).findings():
        say(str(finding))
        good = good and finding.good is not False
    return good


def refused(error: Exception) -> bool:
    """Tell whether AWS said that the caller may not ask that."""
    return isinstance(error, ClientError) and bool(REFUSED.search(error.response["Error"]["Code"]))


class Doctor:
    """The checks of one environment, in the order in which they make sense."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.session = boto3.Session(region_name=environment.region)
        self.caller = ""

    def findings(self) -> Iterator[Finding]:
        """Give what each check finds; without an account or a region, the others say nothing."""
        for check in (self.credentials, self.region):
            finding = check()
            yield finding
            if not finding.good:
                return
        for later in (
            self.rights, self.role, self.networks, self.addresses, self.machines,
            self.image, self.certificate, self.domain, self.kept_data,
        ):  # fmt: skip
            try:
                yield later()
            except ClientError as error:
                subject = later.__name__.replace("_", " ")
                if not refused(error):
                    yield Finding(subject, False, f"AWS said {error}.")
                else:
                    yield Finding(subject, None, "this account may not look; go on at your risk.")

    def client(self, service: str) -> Any:
        """Give a client of a service in the environment's region."""
        return self.session.client(service)

    def value(self, parameter: str) -> str:
        """Give a parameter's value in this environment."""
        return self.environment.value(parameter)

    def credentials(self) -> Finding:
        """Check that somebody is logged in."""
        subject = "credentials"
        try:
            told = self.client("sts").get_caller_identity()
        except NoCredentialsError:
            return Finding(subject, False, "there are none; run aws configure, or aws sso login.")
        except (EndpointConnectionError, ConnectTimeoutError):
            return Finding(
                subject, False,
                f"nothing answers in {self.environment.region}; check region in the environment's "
                "file, and this machine's network.",
            )  # fmt: skip
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return Finding(subject, False, f"AWS says {code}; log in again, labs end after hours.")
        except BotoCoreError as error:
            return Finding(subject, False, f"{error}; run aws configure, or aws sso login.")
        self.caller = told["Arn"]
        return Finding(subject, True, self.caller)

    def region(self) -> Finding:
        """Check that the region is open to the account and has two zones."""
        name = self.environment.region
        try:
            told = self.client("ec2").describe_availability_zones(
                Filters=[{"Name": "state", "Values": ["available"]}]
            )
        except (ClientError, BotoCoreError) as error:
            return Finding(
                "region", False,
                f"{name} cannot be used ({type(error).__name__}); write one that is open to "
                "this account into the environment's file, labs allow us-east-1.",
            )  # fmt: skip
        zones = [zone["ZoneName"] for zone in told["AvailabilityZones"]]
        if len(zones) < 2:
            return Finding("region", False, f"{name} has {len(zones)} zones; choose one with two.")
        return Finding("region", True, f"{name} with {', '.join(zones[:2])}")

    def rights(self) -> Finding:
        """Ask IAM which rights are missing, and where it may not be asked, EC2 by a dry run."""
        try:
            denied = self.denied(principal(self.caller), RIGHTS)
        except ClientError as error:
            if not refused(error) and "NoSuchEntity" not in str(error):
                raise
            return self.dry_run()
        if denied:
            return Finding(
                "rights", False,
                f"{', '.join(denied)} are denied; have them allowed to {self.caller}.",
            )  # fmt: skip
        return Finding("rights", True, "what the stacks ask for is allowed")

    def denied(self, arn: str, actions: tuple[str, ...]) -> list[str]:
        """Give those actions that IAM's simulator denies to a user or role."""
        told = self.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=list(actions)
        )
        return [
            each["EvalActionName"]
            for each in told["EvaluationResults"]
            if each["EvalDecision"] != "allowed"
        ]

    def dry_run(self) -> Finding:
        """Ask EC2 for a network without making it."""
        try:
            self.client("ec2").create_vpc(CidrBlock="10.255.0.0/28", DryRun=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DryRunOperation":
                return Finding(
                    "rights", False, f"ec2:CreateVpc is denied; have it allowed to {self.caller}."
                )
        return Finding("rights", None, "IAM's simulator may not be asked; a network may be made")

    def role(self) -> Finding:
        """Check that the instance profile is there and lets instances read their secrets."""
        name = self.value("InstanceProfile")
        try:
            told = self.client("iam").get_instance_profile(InstanceProfileName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            return Finding(
                "role", False,
                f"there is no instance profile {name}; set InstanceProfile to one of "
                "aws iam list-instance-profiles, in labs LabInstanceProfile.",
            )  # fmt: skip
        roles = told["InstanceProfile"]["Roles"]
        if not roles:
            return Finding(
                "role", False, f"the instance profile {name} has no role; add one, such as LabRole."
            )
        try:
            denied = self.denied(roles[0]["Arn"], INSTANCE_RIGHTS)
        except ClientError as error:
            if not refused(error):
                raise
            return Finding("role", True, f"{name} is there; its rights may not be looked at")
        if denied:
            return Finding(
                "role", False,
                f"{roles[0]['RoleName']} is denied {', '.join(denied)}; allow it that.",
            )  # fmt: skip
        return Finding("role", True, f"{name} with {roles[0]['RoleName']}")

    def networks(self) -> Finding:
        """Check that one more VPC fits into the quota."""
        if self.made("network"):
            return Finding("networks", True, "the fleet has its own already")
        count = len(self.client("ec2").describe_vpcs()["Vpcs"])
        return self.fits("networks", "vpc", "L-F678F1CE", count, 1, "VPCs")

    def addresses(self) -> Finding:
        """Check that the NAT gateways' addresses fit into the quota."""
        wanted = {"nat": 1, "nat-per-zone": 2}.get(self.value("Egress"), 0)
        if not wanted or self.made("network"):
            return Finding("addresses", True, "no new elastic address is needed")
        count = len(self.client("ec2").describe_addresses()["Addresses"])
        return self.fits("addresses", "ec2", "L-0263D0A3", count, wanted, "elastic addresses")

    def made(self, part: str) -> bool:
        """Tell whether a stack is there and holds something."""
        told = self.client("cloudformation").get_paginator("list_stacks").paginate()
        return any(
            each["StackName"] == self.environment.stack(part)
            and each["StackStatus"] not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
            for page in told
            for each in page["StackSummaries"]
        )

    def fits(
        self, subject: str, service: str, quota: str, count: int, wanted: int, what: str
    ) -> Finding:
        """Compare what there is, and what is wanted, with a quota."""
        try:
            told = self.client("service-quotas").get_service_quota(
                ServiceCode=service, QuotaCode=quota
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
            return Finding(subject, None, f"{count} {what} are used; their quota is not told")
        limit = int(told["Quota"]["Value"])
        if count + wanted > limit:
            return Finding(
                subject, False,
                f"{count} of {limit} {what} are used and {wanted} more wanted; delete one, or ask "
                f"for more: aws service-quotas request-service-quota-increase --service-code "
                f"{service} --quota-code {quota} --desired-value {limit + wanted}.",
            )  # fmt: skip
        return Finding(subject, True, f"{count} of {limit} {what} are used")

    def machines(self) -> Finding:
        """Check that the type of instance is there in two zones."""
        kind = self.value("InstanceType")
        told = self.client("ec2").describe_instance_type_offerings(
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": [kind]}],
        )
        zones = {each["Location"] for each in told["InstanceTypeOfferings"]}
        if len(zones) < 2:
            return Finding(
                "machines", False,
                f"{kind} is offered in {len(zones)} zones of {self.environment.region}; set "
                "InstanceType to another, such as t3.small.",
            )  # fmt: skip
        return Finding("machines", True, f"{kind} is offered in {len(zones)} zones")

    def image(self) -> Finding:
        """Check that an image in ECR is there."""
        name = self.value("Image")
        ecr = re.fullmatch(
            r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?(?:@(.+))?",
            name,
        )
        if not ecr:
            return Finding("image", None, f"{name} is in another registry, which is not asked")
        account, region, repository, tag, digest = ecr.groups()
        if region != self.environment.region:
            return Finding(
                "image", False,
                f"{name} is in {region}; push it to {self.environment.region}, where they run.",
            )  # fmt: skip
        wanted = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
        try:
            self.client("ecr").describe_images(
                registryId=account, repositoryName=repository, imageIds=[wanted]
            )
        except ClientError as error:
            if "NotFound" not in error.response["Error"]["Code"]:
                raise
            return Finding("image", False, f"{name} is not there; push it, or correct Image.")
        return Finding("image", True, name)

    def certificate(self) -> Finding:
        """Check that the certificate is of this region, issued, and for the domain."""
        arn, domain = self.value("CertificateArn"), self.value("DomainName")
        if not arn:
            return Finding("certificate", True, "none, so the shop speaks HTTP without encryption")
        if arn.split(":")[3] != self.environment.region:
            return Finding(
                "certificate", False,
                f"{arn} is of another region; ask ACM in {self.environment.region} for one.",
            )  # fmt: skip
        try:
            told = self.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return Finding(
                "certificate", False, f"{arn} is not there; take one of aws acm list-certificates."
            )
        names = {told["DomainName"], *told.get("SubjectAlternativeNames", [])}
        if told["Status"] != "ISSUED":
            return Finding(
                "certificate", False,
                f"it is {told['Status']}; put the record that ACM asks for into the domain's zone.",
            )  # fmt: skip
        if domain and not {domain, f"*.{domain.partition('.')[2]}"} & names:
            return Finding(
                "certificate", False,
                f"it is for {', '.join(sorted(names))} and not for {domain}; correct one of both.",
            )  # fmt: skip
        return Finding("certificate", True, f"issued for {', '.join(sorted(names))}")

    def domain(self) -> Finding:
        """Check that the domain's zone is there, or that the name leads somewhere."""
        domain, zone = self.value("DomainName"), self.value("HostedZoneId")
        if not domain:
            return Finding("domain", True, "none, so the load balancer's own name is the URL")
        if not zone:
            return self.resolves(domain)
        try:
            told = self.client("route53").get_hosted_zone(Id=zone)["HostedZone"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchHostedZone":
                raise
            return Finding(
                "domain", False, f"there is no zone {zone}; take one of "
                "aws route53 list-hosted-zones.",
            )  # fmt: skip
        name = told["Name"].rstrip(".")
        if told["Config"].get("PrivateZone"):
            return Finding(
                "domain", False, f"the zone {zone} is private; readers need a public one."
            )
        if domain != name and not domain.endswith(f".{name}"):
            return Finding(
                "domain",
                False,
                f"{domain} is not in the zone {zone} of {name}; correct one of both.",
            )
        return Finding("domain", True, f"{domain} in the zone of {name}")

    def resolves(self, domain: str) -> Finding:
        """Check that a name of another DNS service leads somewhere."""
        try:
            socket.getaddrinfo(domain, 443)
        except OSError:
            return Finding(
                "domain", None,
                f"{domain} does not resolve yet; make it a CNAME of the load balancer that "
                "make fleet names at its end, or set HostedZoneId.",
            )  # fmt: skip
        return Finding("domain", True, f"{domain} resolves")

    def kept_data(self) -> Finding:
        """Check that the file system and the snapshot to go on with are there."""
        files, snapshot = self.value("FileSystemId"), self.value("DatabaseSnapshot")
        try:
            if files:
                self.client("efs").describe_file_systems(FileSystemId=files)
            if snapshot and not self.made("data"):
                self.client("rds").describe_db_snapshots(DBSnapshotIdentifier=snapshot)
        except ClientError as error:
            if "NotFound" not in error.response["Error"]["Code"]:
                raise
            return Finding(
                "kept data", False,
                f"{error.response['Error']['Message']}; correct FileSystemId or DatabaseSnapshot.",
            )  # fmt: skip
        found = ", ".join(name for name in (files, snapshot) if name)
        return Finding("kept data", True, found or "none, so the shop begins empty")


def principal(arn: str) -> str:
    """Give the role of a session's ARN, since IAM simulates roles and users alone."""
    session = re.fullmatch(r"arn:(aws[a-z-]*):sts::(\d+):assumed-role/([^/]+)/.*", arn)
    if session is None:
        return arn
    return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"
