"""A moto server that knows a little more than moto; run by .venv-deploy's Python.

moto makes secrets by Secrets Manager's own API but not from a template, and gives neither a
database the secret of its administrator nor a load balancer its full name. Both are needed where
one stack's outputs are the next one's parameters. It shows no outputs of a stack that a change set
made, no change in one that changes parameters alone, and keeps a network whose route tables had
subnets. What else moto leaves out of a template, test_templates.py reads in the template.
IAM's simulator, which moto does not have, is closed to this account, as it is to a lab's.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from typing import Any

from moto.cloudformation.models import Change, ChangeSet
from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends
from moto.ec2.models.route_tables import RouteTable
from moto.efs.models import AccessPoint
from moto.elbv2.models import FakeLoadBalancer, FakeTargetGroup
from moto.iam.responses import IamResponse
from moto.rds.models import DBInstance, DBParameterGroup
from moto.secretsmanager.models import secretsmanager_backends
from moto.server import main


def make(name: str, content: dict[str, str], account: str, region: str) -> str:
    made: dict[str, str] = json.loads(
        secretsmanager_backends[account][region].create_secret(
            name, json.dumps(content), None, None, [], None, None, [], False
        )
    )
    return made["ARN"]


class Secret(CloudFormationModel):  # type: ignore[misc]
    # moto reads the name of the service from it.
    __module__ = "moto.secretsmanager.models"

    def __init__(self, arn: str) -> None:
        self.physical_resource_id = arn

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str,
        **_: Any,
    ) -> Secret:  # fmt: skip
        told = cloudformation_json["Properties"]["GenerateSecretString"]
        content = json.loads(told["SecretStringTemplate"])
        content[told["GenerateStringKey"]] = secrets.token_hex(told["PasswordLength"] // 2)
        return cls(make(resource_name, content, account_id, region_name))

    @classmethod
    def update_from_cloudformation_json(cls, original_resource: Secret, *_: Any) -> Secret:
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, _: Any, account_id: str, region_name: str
    ) -> None:
        secretsmanager_backends[account_id][region_name].delete_secret(resource_name, 30, False)


class AccessDenied(ServiceException):  # type: ignore[misc]
    code = "AccessDenied"
    message = "User is not authorized to perform: iam:SimulatePrincipalPolicy"


def also(model: type[CloudFormationModel], attribute: str, read: Callable[[Any], str]) -> None:
    """Have a template's GetAtt of a resource know one attribute more."""
    known: Callable[[str], bool] = model.has_cfn_attr
    give: Callable[[Any, str], str] = getattr(model, "get_cfn_attribute", lambda *_: "")
    model.has_cfn_attr = staticmethod(lambda name: name == attribute or known(name))
    model.get_cfn_attribute = lambda self, name: (
        read(self) if name == attribute else give(self, name)
    )


def denied(_: IamResponse) -> Any:
    raise AccessDenied


def apply(self: ChangeSet) -> None:
    stack = self.stack
    if self.change_set_type == "UPDATE":
        stack.update(self.template, parameters=self.parameters)
        return
    stack.template, stack.parameters = self.template, self.parameters
    stack._parse_template()
    stack.resource_map = stack._create_resource_map()
    stack.create_resources()
    stack.output_map = stack._create_output_map()


def diff(self: ChangeSet) -> list[Change]:
    resources = self.stack.resource_map
    named = resources.build_resource_diff(self.template_dict, self.parameters)
    types = {**resources._resource_json_map, **self.template_dict["Resources"]}
    return [Change(action, name, types[name]["Type"]) for action in named for name in named[action]]


def without_associations(self: RouteTable, account: str, region: str) -> None:
    self._associations.clear()
    ec2_backends[account][region].delete_route_table(self.id)


ChangeSet.apply, ChangeSet.diff = apply, diff
RouteTable.delete = without_associations
# A template's Ref of them.
AccessPoint.physical_resource_id = property(lambda self: self.access_point_id)
DBParameterGroup.physical_resource_id = property(lambda self: self.name)
also(
    DBInstance, "MasterUserSecret.SecretArn",
    lambda self: f"arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!{self.resource_id}",
)  # fmt: skip
also(FakeLoadBalancer, "LoadBalancerFullName", lambda self: self.arn.partition("loadbalancer/")[2])
also(FakeTargetGroup, "TargetGroupFullName", lambda self: self.arn.rpartition(":")[2])
IamResponse.simulate_principal_policy = denied

main(sys.argv[1:])
