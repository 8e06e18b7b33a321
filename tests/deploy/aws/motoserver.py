"""A moto server that knows a little more than moto; run by .venv-deploy's Python.

moto makes secrets by Secrets Manager's own API but not from a template, and gives a database no
secret of its administrator. Both are needed where one stack's outputs are the next one's
parameters; nor does it give the outputs of a stack that was made by a change set. What else moto leaves out of a template, test_templates.py reads in the template.
IAM's simulator, which moto does not have, is closed to this account, as it is to a lab's.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from moto.cloudformation.models import ChangeSet
from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import ServiceException
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


class Secret(CloudFormationModel):
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
        content[told["GenerateStringKey"]] = "x" * told["PasswordLength"]
        return cls(make(resource_name, content, account_id, region_name))

    @classmethod
    def update_from_cloudformation_json(cls, original_resource: Secret, *_: Any) -> Secret:
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, _: Any, account_id: str, region_name: str
    ) -> None:
        secretsmanager_backends[account_id][region_name].delete_secret(resource_name, 30, False)


class AccessDenied(ServiceException):
    code = "AccessDenied"
    message = "User is not authorized to perform: iam:SimulatePrincipalPolicy"


attribute, known = DBInstance.get_cfn_attribute, DBInstance.has_cfn_attr
SECRET = "MasterUserSecret.SecretArn"


def has_attribute(name: str) -> bool:
    return known(name) or name == SECRET


def with_secret(self: DBInstance, name: str) -> Any:
    if name != SECRET:
        return attribute(self, name)
    return f"arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!{self.db_instance_identifier}"


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


ChangeSet.apply = apply
# A template's Ref of it is its name.
DBParameterGroup.physical_resource_id = property(lambda self: self.name)
DBInstance.get_cfn_attribute = with_secret
DBInstance.has_cfn_attr = staticmethod(has_attribute)
IamResponse.simulate_principal_policy = denied

main(sys.argv[1:])
