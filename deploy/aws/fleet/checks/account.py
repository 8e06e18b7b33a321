"""What the account has to have: a login, a region, rights, roles, room in its quotas."""

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from deploy.aws.fleet.checks.finding import AbsentError, Aws, Finding, asking_for, refused

# What the stacks ask for. No right to create or to change a role is among it.
RIGHTS = (
    "autoscaling:CreateAutoScalingGroup", "autoscaling:PutLifecycleHook",
    "autoscaling:PutScalingPolicy", "cloudformation:CreateChangeSet",
    "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "ec2:CreateLaunchTemplate",
    "ec2:CreateSecurityGroup", "ec2:CreateVpc", "ec2:RunInstances",
    "ec2:CreateVpcEndpoint", "elasticfilesystem:CreateAccessPoint",
    "elasticfilesystem:CreateFileSystem", "elasticloadbalancing:CreateLoadBalancer",
    "iam:PassRole", "logs:CreateLogGroup", "rds:CreateDBInstance",
    "secretsmanager:CreateSecret", "sns:CreateTopic",
)  # fmt: skip
# What an instance asks for, by its role.
INSTANCE_RIGHTS = ("secretsmanager:GetSecretValue", "autoscaling:CompleteLifecycleAction")
# Without them AWS makes no load balancer, group or database.
LINKED_ROLES = tuple(
    f"AWSServiceRoleFor{service}" for service in ("AutoScaling", "ElasticLoadBalancing", "RDS")
)


def credentials(aws: Aws) -> Finding:
    """Check that somebody is logged in."""
    subject = "credentials"
    try:
        told = aws.client("sts").get_caller_identity()
    except NoCredentialsError:
        return Finding(subject, False, "there are none; run aws configure, or aws sso login.")
    except (EndpointConnectionError, ConnectTimeoutError):
        return Finding(
            subject, False,
            f"nothing answers in {aws.environment.region}; check region in the environment's "
            "file, and this machine's network.",
        )  # fmt: skip
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return Finding(subject, False, f"AWS says {code}; log in again, labs end after hours.")
    except BotoCoreError as error:
        return Finding(subject, False, f"{error}; run aws configure, or aws sso login.")
    return Finding(subject, True, str(told["Arn"]))


def region(aws: Aws) -> Finding:
    """Check that the region is open to the account and has two zones."""
    name = aws.environment.region
    try:
        told = aws.client("ec2").describe_availability_zones(
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


def rights(aws: Aws) -> Finding:
    """Ask IAM which rights are missing, and where it may not be asked, EC2 by a dry run."""
    try:
        missing = denied(aws, principal(aws.caller), RIGHTS)
    except ClientError as error:
        if not refused(error) and "NoSuchEntity" not in str(error):
            raise
        return dry_run(aws)
    if missing:
        return Finding(
            "rights", False,
            f"{', '.join(missing)} are denied; have them allowed to {aws.caller}.",
        )  # fmt: skip
    return Finding("rights", True, "what the stacks ask for is allowed")


def denied(aws: Aws, arn: str, actions: tuple[str, ...]) -> list[str]:
    """Give those actions that IAM's simulator denies to a user or role."""
    told = aws.client("iam").simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=list(actions)
    )
    return [
        each["EvalActionName"]
        for each in told["EvaluationResults"]
        if each["EvalDecision"] != "allowed"
    ]


def dry_run(aws: Aws) -> Finding:
    """Ask EC2 for a network without making it."""
    try:
        aws.client("ec2").create_vpc(CidrBlock="10.255.0.0/28", DryRun=True)
    except ClientError as error:
        if error.response["Error"]["Code"] != "DryRunOperation":
            return Finding(
                "rights", False, f"ec2:CreateVpc is denied; have it allowed to {aws.caller}."
            )
    return Finding("rights", None, "IAM's simulator may not be asked; a network may be made")


def role(aws: Aws) -> Finding:
    """Check that the instance profile is there and lets instances read their secrets."""
    name = aws.value("InstanceProfile")
    try:
        with asking_for():
            told = aws.client("iam").get_instance_profile(InstanceProfileName=name)
    except AbsentError:
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
        missing = denied(aws, roles[0]["Arn"], INSTANCE_RIGHTS)
    except ClientError as error:
        if not refused(error):
            raise
        return Finding("role", True, f"{name} is there; its rights may not be looked at")
    if missing:
        return Finding(
            "role", False,
            f"{roles[0]['RoleName']} is denied {', '.join(missing)}; allow it that.",
        )  # fmt: skip
    return Finding("role", True, f"{name} with {roles[0]['RoleName']}")


def linked_roles(aws: Aws) -> Finding:
    """Tell whether AWS's own roles are there, which a lab may not have made by the way."""
    subject, missing = "linked roles", []
    for name in LINKED_ROLES:
        try:
            with asking_for():
                aws.client("iam").get_role(RoleName=name)
        except AbsentError:
            missing.append(name)
    if missing:
        return Finding(
            subject, None,
            f"{', '.join(missing)} will be made by AWS, where iam:CreateServiceLinkedRole is "
            "allowed; in a lab, ask its owner for them.",
        )  # fmt: skip
    return Finding(subject, True, "AWS has its own roles here already")


def networks(aws: Aws) -> Finding:
    """Check that one more VPC fits into the quota."""
    if aws.made("network"):
        return Finding("networks", True, "the fleet has its own already")
    count = len(aws.client("ec2").describe_vpcs()["Vpcs"])
    return fits(aws, "networks", "vpc", "L-F678F1CE", count, 1, "VPCs")


def addresses(aws: Aws) -> Finding:
    """Check that the NAT gateways' addresses fit into the quota."""
    wanted = {"nat": 1, "nat-per-zone": 2}.get(aws.value("Egress"), 0)
    if not wanted or aws.made("network"):
        return Finding("addresses", True, "no new elastic address is needed")
    count = len(aws.client("ec2").describe_addresses()["Addresses"])
    return fits(aws, "addresses", "ec2", "L-0263D0A3", count, wanted, "elastic addresses")


def fits(
    aws: Aws, subject: str, service: str, quota: str, count: int, wanted: int, what: str
) -> Finding:
    """Compare what there is, and what is wanted, with a quota."""
    try:
        with asking_for():
            told = aws.client("service-quotas").get_service_quota(
                ServiceCode=service, QuotaCode=quota
            )
    except AbsentError:
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


def principal(arn: str) -> str:
    """Give the role of a session's ARN, since IAM simulates roles and users alone."""
    session = re.fullmatch(r"arn:(aws[a-z-]*):sts::(\d+):assumed-role/([^/]+)/.*", arn)
    if session is None:
        return arn
    return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"
