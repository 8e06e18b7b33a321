"""Resources that moto makes by their own API, and here from a template too.

Some that it makes from a template lack properties there, which are filled in: a target group's
and a load balancer's attributes, a database's groups and protection, a route table's subnets. A dry
run of a network makes none.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.budgets.models import budgets_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.core.responses import PaginatedResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.subnets import SubnetBackend, SubnetRouteTableAssociation
from moto.ec2.responses.vpcs import VPCs
from moto.efs.models import AccessPoint
from moto.elbv2.models import FakeLoadBalancer, FakeTargetGroup
from moto.rds.models import DBInstance, DBParameterGroup
from moto.rds.responses import RDSResponse
from moto.secretsmanager.models import secretsmanager_backends

Properties = dict[str, Any]
# Fills in what was made from a template's properties.
Completion = Callable[[Any, Properties], None]
# What RDS offers for MySQL, of the many that it does.
CLASSES = ("db.t4g.micro", "db.t4g.small", "db.m7g.large")


class Named:
    """What moto asks of a resource of which CloudFormation knows no more than its name."""

    physical_resource_id = ""

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @classmethod
    def update_from_cloudformation_json(cls, original_resource: Any, **_: Any) -> Any:
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any) -> None:
        return None


def resource(kind: str, make: Callable[[str, Properties, str, str], str]) -> None:
    """Have moto make a kind of resource; `make` gives what a template's Ref of it is."""

    def create(
        cls: type[Named], /, resource_name: str, cloudformation_json: Properties, account_id: str,
        region_name: str, **_: Any,
    ) -> Named:  # fmt: skip
        made = cls()
        told = cloudformation_json["Properties"]
        made.physical_resource_id = make(resource_name, told, account_id, region_name)
        return made

    # moto reads the name of the service from the module.
    module = f"moto.{kind.split('::')[1].lower()}.models"
    type(
        kind.replace("::", ""),
        (Named, CloudFormationModel),
        {
            "__module__": module,
            "cloudformation_type": staticmethod(lambda: kind),
            "create_from_cloudformation_json": classmethod(create),
        },
    )


def secret(name: str, told: Properties, account: str, region: str) -> str:
    wanted = told["GenerateSecretString"]
    content = json.loads(wanted["SecretStringTemplate"])
    content[wanted["GenerateStringKey"]] = secrets.token_hex(wanted["PasswordLength"] // 2)
    made = secretsmanager_backends[account][region].create_secret(
        name, json.dumps(content), None, None, [], None, None, [], False
    )
    return str(json.loads(made)["ARN"])


def hook(_: str, told: Properties, account: str, region: str) -> str:
    autoscaling_backends[account][region].create_lifecycle_hook(
        told["LifecycleHookName"], told["AutoScalingGroupName"], told["LifecycleTransition"],
        told["HeartbeatTimeout"], told["DefaultResult"],
    )  # fmt: skip
    return str(told["LifecycleHookName"])


def policy(name: str, told: Properties, account: str, region: str) -> str:
    followed = told["TargetTrackingConfiguration"]
    made = autoscaling_backends[account][region].put_scaling_policy(
        name, told["PolicyType"], None, None, told["AutoScalingGroupName"], None, None, None,
        {**followed, "TargetValue": float(followed["TargetValue"])}, [], None, {},
    )  # fmt: skip
    return str(made.arn)


def alarm(_: str, told: Properties, account: str, region: str) -> str:
    cloudwatch_backends[account][region].put_metric_alarm(
        told["AlarmName"], told["Namespace"], told["MetricName"], told["ComparisonOperator"],
        int(told["EvaluationPeriods"]), int(told["Period"]), float(told["Threshold"]),
        told.get("Statistic"), told["AlarmDescription"],
        told["Dimensions"], told["AlarmActions"], extended_statistic=told.get("ExtendedStatistic"),
        ok_actions=told.get("OKActions"), treat_missing_data=told["TreatMissingData"],
    )  # fmt: skip
    return str(told["AlarmName"])


def budget(_: str, told: Properties, account: str, __: str) -> str:
    wanted = json.loads(json.dumps(told["Budget"], default=str))
    wanted["BudgetLimit"]["Amount"] = str(wanted["BudgetLimit"]["Amount"])
    backend = budgets_backends[account]["aws"]
    backend.create_budget(account, wanted, told["NotificationsWithSubscribers"])
    return str(wanted["BudgetName"])


def also(model: type[CloudFormationModel], attribute: str, read: Callable[[Any], str]) -> None:
    """Have a template's GetAtt of a resource know one attribute more."""
    known: Callable[[str], bool] = model.has_cfn_attr
    give: Callable[[Any, str], str] = getattr(model, "get_cfn_attribute", lambda *_: "")
    model.has_cfn_attr = staticmethod(lambda name: name == attribute or known(name))
    model.get_cfn_attribute = lambda self, name: (
        read(self) if name == attribute else give(self, name)
    )


def completed(model: type[CloudFormationModel], complete: Completion) -> None:
    """Have what a template makes filled in from its properties."""
    create = model.create_from_cloudformation_json

    def created(_: Any, *arguments: Any, **told: Any) -> Any:
        made = create(*arguments, **told)
        properties = told.get("cloudformation_json") or arguments[1]
        complete(made, properties["Properties"])
        return made

    model.create_from_cloudformation_json = classmethod(created)


def attributes(key: str) -> Completion:
    def complete(made: Any, told: Properties) -> None:
        given = made.attributes if key == "TargetGroupAttributes" else made.attrs
        given.update({each["Key"]: str(each["Value"]) for each in told.get(key, ()) if each})

    return complete


def change_target_group(
    _: Any, /, original_resource: Any, cloudformation_json: Properties, **__: Any
) -> Any:
    original_resource.healthcheck_path = cloudformation_json["Properties"]["HealthCheckPath"]
    return original_resource


def database(made: Any, told: Properties) -> None:
    made.vpc_security_group_ids = told["VPCSecurityGroups"]
    made.deletion_protection = told["DeletionProtection"]
    made.max_allocated_storage = told["MaxAllocatedStorage"]
    made.enabled_cloudwatch_logs_exports = told["EnableCloudwatchLogsExports"]


def offered(self: RDSResponse) -> PaginatedResult:
    wanted = self.params.get("DBInstanceClass")
    told = [
        {
            "Engine": "mysql", "EngineVersion": "8.4.6", "DBInstanceClass": name,
            "MultiAZCapable": True,
        }
        for name in CLASSES
        if name == wanted
    ]  # fmt: skip
    return PaginatedResult({"OrderableDBInstanceOptions": told})


def join(self: SubnetBackend, route_table_id: str, subnet_id: str) -> SubnetRouteTableAssociation:
    self.associate_route_table(route_table_id, subnet_id=subnet_id)
    return SubnetRouteTableAssociation(route_table_id, subnet_id)


create_vpc = VPCs.create_vpc


def create_or_try(self: VPCs) -> Any:
    self.error_on_dryrun()
    return create_vpc(self)


def without_associations(self: RouteTable, account: str, region: str) -> None:
    self._associations.clear()
    ec2_backends[account][region].delete_route_table(self.id)


def install() -> None:
    """Have moto know all of it."""
    resource("AWS::SecretsManager::Secret", secret)
    resource("AWS::AutoScaling::LifecycleHook", hook)
    resource("AWS::AutoScaling::ScalingPolicy", policy)
    resource("AWS::CloudWatch::Alarm", alarm)
    resource("AWS::Budgets::Budget", budget)
    completed(FakeTargetGroup, attributes("TargetGroupAttributes"))
    FakeTargetGroup.update_from_cloudformation_json = classmethod(change_target_group)
    completed(FakeLoadBalancer, attributes("LoadBalancerAttributes"))
    completed(DBInstance, database)
    RDSResponse.describe_orderable_db_instance_options = offered
    SubnetBackend.create_subnet_association = join
    RouteTable.delete = without_associations
    VPCs.create_vpc = create_or_try
    # A template's Ref of them.
    AccessPoint.physical_resource_id = property(lambda self: self.access_point_id)
    DBParameterGroup.physical_resource_id = property(lambda self: self.name)
    also(
        DBInstance, "MasterUserSecret.SecretArn",
        lambda self: f"arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!{self.resource_id}",
    )  # fmt: skip
    also(
        FakeLoadBalancer, "LoadBalancerFullName",
        lambda self: self.arn.partition("loadbalancer/")[2],
    )  # fmt: skip
    also(FakeTargetGroup, "TargetGroupFullName", lambda self: self.arn.rpartition(":")[2])
