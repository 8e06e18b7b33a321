"""The fleet is made, changed and ended on AWS, played by moto, and is what it shall be."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.deploy.aws.conftest import Account, moto
from tests.deploy.aws.machine import settings_of

IMAGE = "bookstore/app:1"
EMAIL = "team@example.com"
SETTINGS = ("--set", f"Image={IMAGE}", "--set", f"AlarmEmail={EMAIL}")
CERTIFICATE_NAME = "books.example.com"


@pytest.fixture(scope="module")
def made(account: Account) -> Account:
    """Give the account once the environment qa is there."""
    up = account.fleet("up", "qa", "--yes", *SETTINGS)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "The shop: http://" in up.stdout
    return account


def outputs(account: Account, part: str) -> dict[str, str]:
    told = account.ask("cloudformation", "describe_stacks", StackName=f"bookstore-qa-{part}")
    return {each["OutputKey"]: each["OutputValue"] for each in told["Stacks"][0]["Outputs"]}


def rules(account: Account, group: str) -> set[tuple[Any, ...]]:
    """Give the ways into a security group: protocol, first port, last port, whence."""
    told = account.ask("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"][0]
    return {
        (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"), other)
        for rule in told["IpPermissions"]
        for other in (
            *(each["CidrIp"] for each in rule["IpRanges"]),
            *(each["GroupId"] for each in rule["UserIdGroupPairs"]),
        )
    }


def test_the_network_has_public_and_private_subnets_in_two_zones(made: Account) -> None:
    network = outputs(made, "network")
    for kind in ("Public", "Private"):
        ids = network[f"{kind}SubnetIds"].split(",")
        told = made.ask("ec2", "describe_subnets", SubnetIds=ids)["Subnets"]
        assert {subnet["AvailabilityZone"] for subnet in told} == {"us-east-1a", "us-east-1b"}
        assert {subnet["VpcId"] for subnet in told} == {network["VpcId"]}
    (endpoint,) = made.ask("ec2", "describe_vpc_endpoints")["VpcEndpoints"]
    assert endpoint["ServiceName"] == "com.amazonaws.us-east-1.s3"
    assert len(endpoint["RouteTableIds"]) == 3


def ways_out(account: Account, subnet: str) -> list[str]:
    """Give by what a subnet reaches the internet: igw, nat, or nothing."""
    (table,) = account.ask(
        "ec2", "describe_route_tables",
        Filters=[{"Name": "association.subnet-id", "Values": [subnet]}],
    )["RouteTables"]  # fmt: skip
    return [
        str(route.get("GatewayId") or route.get("NatGatewayId"))[:3]
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    ]


def test_public_subnets_reach_the_internet_and_private_ones_do_not(made: Account) -> None:
    network = outputs(made, "network")
    for subnet in network["PublicSubnetIds"].split(","):
        assert ways_out(made, subnet) == ["igw"]
    for subnet in network["PrivateSubnetIds"].split(","):
        assert ways_out(made, subnet) == []


def test_the_load_balancer_is_reached_at_80_and_443_from_anywhere(made: Account) -> None:
    network = outputs(made, "network")
    assert rules(made, network["LoadBalancerSecurityGroupId"]) == {
        ("tcp", 80, 80, "0.0.0.0/0"),
        ("tcp", 443, 443, "0.0.0.0/0"),
    }


def test_the_shop_is_reached_at_5000_from_the_load_balancer_alone(made: Account) -> None:
    network = outputs(made, "network")
    assert rules(made, network["AppSecurityGroupId"]) == {
        ("tcp", 5000, 5000, network["LoadBalancerSecurityGroupId"])
    }


def test_files_are_reached_at_2049_and_mysql_at_3306_from_the_shop_alone(made: Account) -> None:
    network = outputs(made, "network")
    app = network["AppSecurityGroupId"]
    files, database = network["FilesSecurityGroupId"], network["DatabaseSecurityGroupId"]
    assert rules(made, files) == {("tcp", 2049, 2049, app)}
    assert rules(made, database) == {("tcp", 3306, 3306, app)}


def test_the_load_balancer_faces_the_internet_and_asks_for_health(made: Account) -> None:
    network = outputs(made, "network")
    balancer = made.ask("elbv2", "describe_load_balancers")["LoadBalancers"][0]
    assert (balancer["Scheme"], balancer["Type"]) == ("internet-facing", "application")
    zones = {zone["SubnetId"] for zone in balancer["AvailabilityZones"]}
    assert zones == set(network["PublicSubnetIds"].split(","))
    assert balancer["SecurityGroups"] == [network["LoadBalancerSecurityGroupId"]]
    group = made.ask("elbv2", "describe_target_groups")["TargetGroups"][0]
    assert (group["Protocol"], group["Port"]) == ("HTTP", 5000)
    assert (group["HealthCheckPath"], group["Matcher"]["HttpCode"]) == ("/healthz", "200-399")
    attributes = attributes_of(made, "target_group", TargetGroupArn=group["TargetGroupArn"])
    assert attributes["stickiness.enabled"] == "false", "every instance reads a session"
    assert attributes["deregistration_delay.timeout_seconds"] == "30"
    arn = balancer["LoadBalancerArn"]
    attributes = attributes_of(made, "load_balancer", LoadBalancerArn=arn)
    assert attributes["access_logs.s3.enabled"] == "false"


def attributes_of(account: Account, what: str, **arn: str) -> dict[str, str]:
    told = account.ask("elbv2", f"describe_{what}_attributes", **arn)["Attributes"]
    return {each["Key"]: each["Value"] for each in told}


def test_without_a_certificate_http_is_served(made: Account) -> None:
    listeners = listening(made)
    assert {port: each["DefaultActions"][0]["Type"] for port, each in listeners.items()} == {
        80: "forward"
    }


def listening(account: Account) -> dict[int, Any]:
    balancer = account.ask("elbv2", "describe_load_balancers")["LoadBalancers"][0]
    told = account.ask("elbv2", "describe_listeners", LoadBalancerArn=balancer["LoadBalancerArn"])[
        "Listeners"
    ]
    return {each["Port"]: each for each in told}


def test_two_instances_run_in_two_zones(made: Account) -> None:
    group = made.ask("autoscaling", "describe_auto_scaling_groups")["AutoScalingGroups"][0]
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (2, 2, 6)
    assert group["HealthCheckType"] == "ELB"
    subnets = outputs(made, "network")["AppSubnetIds"].split(",")
    assert set(group["VPCZoneIdentifier"].split(",")) == set(subnets)
    zones = made.ask("ec2", "describe_subnets", SubnetIds=subnets)["Subnets"]
    assert len({each["AvailabilityZone"] for each in zones}) == 2
    targets = made.ask("elbv2", "describe_target_groups")["TargetGroups"]
    assert group["TargetGroupARNs"] == [targets[0]["TargetGroupArn"]]


def test_the_fleet_scales_on_requests_and_cpu(made: Account) -> None:
    told = made.ask("autoscaling", "describe_policies")["ScalingPolicies"]
    followed = {
        each["TargetTrackingConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]: each["TargetTrackingConfiguration"]["TargetValue"]
        for each in told
    }
    assert followed == {"ALBRequestCountPerTarget": 3000, "ASGAverageCPUUtilization": 60}
    group = made.ask("autoscaling", "describe_auto_scaling_groups")["AutoScalingGroups"][0]
    assert {each["AutoScalingGroupName"] for each in told} == {group["AutoScalingGroupName"]}
    balancer = made.ask("elbv2", "describe_load_balancers")["LoadBalancers"][0]
    labels = [
        each["TargetTrackingConfiguration"]["PredefinedMetricSpecification"].get("ResourceLabel")
        for each in told
    ]
    name = balancer["LoadBalancerArn"].partition("loadbalancer/")[2]
    assert [label for label in labels if label and label.startswith(f"{name}/targetgroup/")]


def test_an_instance_that_ends_waits_to_be_drained(made: Account) -> None:
    group = made.ask("autoscaling", "describe_auto_scaling_groups")["AutoScalingGroups"][0]
    (hook,) = made.ask(
        "autoscaling", "describe_lifecycle_hooks",
        AutoScalingGroupName=group["AutoScalingGroupName"],
    )["LifecycleHooks"]  # fmt: skip
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert (hook["HeartbeatTimeout"], hook["DefaultResult"]) == (120, "CONTINUE")


def launch_template(account: Account) -> Any:
    versions = account.ask(
        "ec2", "describe_launch_template_versions",
        LaunchTemplateId=account.ask("ec2", "describe_launch_templates")["LaunchTemplates"][0][
            "LaunchTemplateId"
        ],
        Versions=["$Latest"],
    )  # fmt: skip
    return versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]


def test_an_instance_is_hardened_and_has_the_role_that_is_there(made: Account) -> None:
    told = launch_template(made)
    assert told["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert told["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert told["IamInstanceProfile"] == {"Name": "LabInstanceProfile"}
    assert told["ImageId"].startswith("ami-")
    groups = told["NetworkInterfaces"][0]["Groups"]
    assert groups == [outputs(made, "network")["AppSecurityGroupId"]]


def test_user_data_names_what_was_made_and_holds_no_secret(made: Account) -> None:
    text = base64.b64decode(launch_template(made)["UserData"]).decode()
    assert len(text) < 16_384
    assert text.startswith("#!/bin/bash\n")
    assert "${" + "AWS" not in text
    data, head = outputs(made, "data"), settings_of(text)
    assert head["image"] == IMAGE
    assert head["file_system"] == data["FileSystemId"]
    assert head["access_point"] == data["AccessPointId"]
    assert head["database_host"] == data["DatabaseHost"]
    assert head["shop_login_secret"] == data["ShopLoginSecret"]
    assert "files=/mnt/efs/bookstore\n" in text
    assert "/mnt/efs/bookstore/" not in text, "uploads and backups are below what is mounted"
    for secret in ("ShopLoginSecret", "SessionKeySecret"):
        told = made.ask("secretsmanager", "get_secret_value", SecretId=data[secret])
        for value in json_values(told["SecretString"]):
            assert value == "bookstore" or value not in text


def json_values(text: str) -> list[str]:
    return [str(value) for value in json.loads(text).values()]


def test_files_are_encrypted_in_two_zones_and_belong_to_the_shops_user(made: Account) -> None:
    data, network = outputs(made, "data"), outputs(made, "network")
    files = made.ask("efs", "describe_file_systems", FileSystemId=data["FileSystemId"])
    assert files["FileSystems"][0]["Encrypted"] is True
    targets = made.ask("efs", "describe_mount_targets", FileSystemId=data["FileSystemId"])
    subnets = {target["SubnetId"] for target in targets["MountTargets"]}
    assert subnets == set(network["PrivateSubnetIds"].split(","))
    for target in targets["MountTargets"]:
        groups = made.ask(
            "efs", "describe_mount_target_security_groups", MountTargetId=target["MountTargetId"]
        )["SecurityGroups"]
        assert groups == [network["FilesSecurityGroupId"]]
    point = made.ask("efs", "describe_access_points", AccessPointId=data["AccessPointId"])
    assert point["AccessPoints"][0]["PosixUser"] == {"Uid": 10001, "Gid": 10001}
    assert point["AccessPoints"][0]["RootDirectory"]["CreationInfo"]["OwnerUid"] == 10001


def test_the_database_is_mysql_in_several_zones_with_backups(made: Account) -> None:
    database = made.ask("rds", "describe_db_instances")["DBInstances"][0]
    assert (database["Engine"], database["EngineVersion"]) == ("mysql", "8.4")
    assert database["MultiAZ"] is True
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert database["BackupRetentionPeriod"] == 7
    assert (database["AllocatedStorage"], database["MaxAllocatedStorage"]) == (20, 100)
    groups = [each["VpcSecurityGroupId"] for each in database["VpcSecurityGroups"]]
    assert groups == [outputs(made, "network")["DatabaseSecurityGroupId"]]
    subnets = {each["SubnetIdentifier"] for each in database["DBSubnetGroup"]["Subnets"]}
    assert subnets == set(outputs(made, "network")["PrivateSubnetIds"].split(","))


def test_the_dashboard_is_there(made: Account) -> None:
    told = made.ask("cloudwatch", "list_dashboards")["DashboardEntries"]
    assert [each["DashboardName"] for each in told] == ["bookstore-qa"]


def test_every_alarm_and_the_budget_tell_who_is_named(made: Account) -> None:
    alarms = made.ask("cloudwatch", "describe_alarms")["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix("bookstore-qa-") for alarm in alarms} == {
        "unhealthy-instances", "errors", "slow-answers", "too-few-instances", "database-busy",
        "database-full",
    }  # fmt: skip
    (topic,) = {topic for alarm in alarms for topic in alarm["AlarmActions"]}
    told = made.ask("sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]
    assert [(each["Protocol"], each["Endpoint"]) for each in told] == [("email", EMAIL)]
    (budget,) = made.ask("budgets", "describe_budgets", AccountId="123456789012")["Budgets"]
    assert (budget["BudgetName"], budget["TimeUnit"]) == ("bookstore-qa", "MONTHLY")
    assert float(budget["BudgetLimit"]["Amount"]) == 150


def test_a_second_time_nothing_changes(made: Account) -> None:
    up = made.fleet("up", "qa", "--yes", *SETTINGS)
    assert up.stdout.count("nothing to change") == 4


def test_a_change_is_shown_and_asked_for(made: Account) -> None:
    change = ("up", "qa", *SETTINGS, "--set", "InstanceType=t3.medium")
    before = launch_template(made)["InstanceType"]
    declined = made.fleet(*change, answer="n\n")
    assert declined.returncode == 1
    assert "~ LaunchTemplate" in declined.stdout
    assert "bookstore-qa-fleet stays as it was" in declined.stderr
    assert (before, launch_template(made)["InstanceType"]) == ("t3.small", "t3.small")
    agreed = made.fleet(*change, answer="y\n")
    assert agreed.returncode == 0, agreed.stdout + agreed.stderr
    assert launch_template(made)["InstanceType"] == "t3.medium"


def test_a_change_of_the_fleet_goes_back_when_one_of_its_alarms_rings(made: Account) -> None:
    change = ("up", "qa", "--yes", *SETTINGS, "--set", "InstanceType=t3.large")
    assert made.fleet(*change).returncode == 0
    (stack,) = made.ask("cloudformation", "describe_stacks", StackName="bookstore-qa-fleet")[
        "Stacks"
    ]
    watched = stack["RollbackConfiguration"]
    assert watched["MonitoringTimeInMinutes"] == 5
    assert {each["Type"] for each in watched["RollbackTriggers"]} == {"AWS::CloudWatch::Alarm"}
    alarms = made.ask("cloudwatch", "describe_alarms")["MetricAlarms"]
    names = {alarm["AlarmArn"]: alarm["AlarmName"] for alarm in alarms}
    assert {names[each["Arn"]] for each in watched["RollbackTriggers"]} == {
        "bookstore-qa-errors",
        "bookstore-qa-unhealthy-instances",
    }


def test_with_certificate_and_domain_https_is_served_under_a_name() -> None:
    # A certificate is issued when its second of validation is over.
    with moto(MOTO_ACM_VALIDATION_WAIT="0") as account:
        account.make_lab()
        zone = account.ask(
            "route53", "create_hosted_zone", Name="example.com", CallerReference="tests"
        )["HostedZone"]["Id"].rpartition("/")[2]
        arn = account.ask(
            "acm", "request_certificate", DomainName=CERTIFICATE_NAME, ValidationMethod="DNS"
        )["CertificateArn"]
        values = {
            "Image": IMAGE, "Egress": "nat-per-zone", "CertificateArn": arn,
            "DomainName": CERTIFICATE_NAME, "HostedZoneId": zone, "AccessLogsBucket": "logs",
            "PublicUrl": "https://cdn.example.org",
            "SmtpHost": "mail.example.com", "SmtpPort": "465", "SmtpTls": "tls",
            "SmtpFrom": "BookStore <books@example.com>",
        }  # fmt: skip
        account.ask("s3", "create_bucket", Bucket="logs")
        assignments = [f"{name}={value}" for name, value in values.items()]
        told = [word for each in assignments for word in ("--set", each)]
        up = account.fleet("up", "qa", "--yes", *told)
        assert up.returncode == 0, up.stdout + up.stderr
        assert "The shop: https://cdn.example.org" in up.stdout
        head = settings_of(base64.b64decode(launch_template(account)["UserData"]).decode())
        assert head["public_host"] == CERTIFICATE_NAME
        assert head["public_url"] == "https://cdn.example.org"
        assert (head["smtp_port"], head["smtp_tls"]) == ("465", "tls")
        assert head["smtp_from"] == "BookStore <books@example.com>"
        balancer = account.ask("elbv2", "describe_load_balancers")["LoadBalancers"][0]
        arn_of_it = balancer["LoadBalancerArn"]
        attributes = attributes_of(account, "load_balancer", LoadBalancerArn=arn_of_it)
        assert attributes["access_logs.s3.enabled"] == "true"
        assert attributes["access_logs.s3.bucket"] == "logs"
        listeners = listening(account)
        redirect = listeners[80]["DefaultActions"][0]
        assert redirect["RedirectConfig"]["Protocol"] == "HTTPS"
        assert redirect["RedirectConfig"]["StatusCode"] == "HTTP_301"
        assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
        assert listeners[443]["Certificates"][0]["CertificateArn"] == arn
        records = account.ask("route53", "list_resource_record_sets", HostedZoneId=zone)
        names = {
            each["Name"].rstrip(".")
            for each in records["ResourceRecordSets"]
            if each["Type"] == "A"
        }
        assert names == {CERTIFICATE_NAME}
        gateways = account.ask("ec2", "describe_nat_gateways")["NatGateways"]
        public = outputs(account, "network")["PublicSubnetIds"].split(",")
        assert {gateway["SubnetId"] for gateway in gateways} == set(public)
        network = outputs(account, "network")
        assert network["AppSubnetIds"] == network["PrivateSubnetIds"]
        for subnet in network["PrivateSubnetIds"].split(","):
            assert ways_out(account, subnet) == ["nat"]


def test_a_protected_fleet_is_not_ended() -> None:
    with moto() as other:
        other.make_lab()
        up = ("up", "qa", "--yes", "--set", f"Image={IMAGE}", "--set", "Protected=true")
        assert other.fleet(*up).returncode == 0
        database = other.ask("rds", "describe_db_instances")["DBInstances"][0]
        assert database["DeletionProtection"] is True
        balancer = other.ask("elbv2", "describe_load_balancers")["LoadBalancers"][0]
        attributes = attributes_of(
            other, "load_balancer", LoadBalancerArn=balancer["LoadBalancerArn"]
        )
        assert attributes["deletion_protection.enabled"] == "true"
        down = other.fleet("down", "qa", "--yes")
        assert down.returncode == 1
        assert "is protected; set Protected to false" in down.stderr


def test_an_ended_fleet_leaves_its_files_and_says_so(made: Account) -> None:
    data = outputs(made, "data")
    down = ("down", "qa")
    declined = made.fleet(*down, answer="n\n")
    assert (declined.returncode, declined.stderr) == (1, "Nothing was deleted.\n")
    ended = made.fleet(*down, answer="y\n")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Stays: file system {data['FileSystemId']}" in ended.stdout
    assert f"  FileSystemId: {data['FileSystemId']}\n" in ended.stdout
    # AWS makes a snapshot then, moto none.
    assert "  DatabaseSnapshot:" not in ended.stdout
    assert f"No snapshot of {data['DatabaseId']} is there: set DatabaseSnapshot" in ended.stdout
    files = made.ask("efs", "describe_file_systems")["FileSystems"]
    assert [each["FileSystemId"] for each in files] == [data["FileSystemId"]]
    networks = made.ask("ec2", "describe_vpcs")["Vpcs"]
    assert not [each for each in networks if {"Key": "bookstore", "Value": "qa"} in each["Tags"]]
    assert made.ask("elbv2", "describe_load_balancers")["LoadBalancers"] == []


def test_a_fleet_goes_on_from_the_data_of_one_that_ended() -> None:
    # Without AlarmEmail there is no budget, which moto does not delete.
    with moto() as other:
        other.make_lab()
        assert other.fleet("up", "qa", "--yes", *SETTINGS[:2]).returncode == 0
        data = outputs(other, "data")
        snapshot = {"DBSnapshotIdentifier": "last", "DBInstanceIdentifier": data["DatabaseId"]}
        other.ask("rds", "create_db_snapshot", **snapshot)
        ended = other.fleet("down", "qa", "--yes")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        way_back = ended.stdout.partition("before make fleet:\n")[2].split("\n")
        lines = [line.split(": ") for line in way_back if line.startswith("  ")]
        told = {name.strip(): value for name, value in lines}
        assert told == {"FileSystemId": data["FileSystemId"], "DatabaseSnapshot": "last"}
        again = [word for name in told for word in ("--set", f"{name}={told[name]}")]
        up = other.fleet("up", "qa", "--yes", *SETTINGS[:2], *again)
        assert up.returncode == 0, up.stdout + up.stderr
        assert outputs(other, "data")["FileSystemId"] == data["FileSystemId"]
