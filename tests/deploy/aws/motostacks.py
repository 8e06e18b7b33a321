"""Change sets that tell and do what AWS's do, and deploys that wait for what instances signal.

moto shows no outputs of a stack that a change set made, no change in one that changes parameters
alone or what a text refers to, forgets the alarms that take a change back, and knows no signal.
Here a stack tells the alarms of its last change, and an update of an auto scaling group waits for
a signal, if that is asked for by AWAIT_SIGNALS: SUCCESS ends it, FAILURE brings back the template
and the parameters of before.
"""

from __future__ import annotations

import os
import re
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import EmptyResult

GROUP = "AWS::AutoScaling::AutoScalingGroup"
# By the stack that waits: its template and parameters of before.
waiting: dict[str, tuple[str, dict[str, Any]]] = {}


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


def references(template: Any) -> list[str]:
    """Give what a resource refers to, by Ref or in the text of a Sub."""
    if isinstance(template, str):
        return re.findall(r"\$\{(\w+)\}", template)
    if isinstance(template, list):
        return [name for item in template for name in references(item)]
    if isinstance(template, dict):
        own = [template["Ref"]] if "Ref" in template else []
        return [*own, *(name for item in template.values() for name in references(item))]
    return []


create = CloudFormationResponse.create_change_set


def create_with_alarms(self: CloudFormationResponse) -> Any:
    answer = create(self)
    change = self.cloudformation_backend.change_sets[answer.result["Id"]]
    change.rollback_configuration = self._get_param("RollbackConfiguration", {})
    return answer


execute = CloudFormationBackend.execute_change_set


def execute_and_wait(
    self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None
) -> None:
    change = next(
        each
        for arn, each in self.change_sets.items()
        if change_set_name in (arn, each.change_set_name)
    )
    stack: Stack = self.stacks[change.stack_id]
    slots = stack.template_dict.get("Parameters", {}) if stack.template else {}
    # What is changed now and was not said before had its default.
    defaults = {
        name: str(told["Default"])
        for name, told in slots.items()
        if "Default" in told and name in change.parameters
    }
    before = stack.template, {**defaults, **stack.parameters}
    waits = os.environ.get("AWAIT_SIGNALS") and change.change_set_type == "UPDATE"
    groups = any(each["Type"] == GROUP for each in change.template_dict["Resources"].values())
    execute(self, change_set_name, stack_name)
    stack.rollback_configuration = change.rollback_configuration
    if waits and groups:
        waiting[stack.stack_id] = before
        # The end that moto tells already is yet to come.
        stack.events = [each for each in stack.events if each.resource_status != "UPDATE_COMPLETE"]
        stack.status = "UPDATE_IN_PROGRESS"


def signal(self: CloudFormationResponse) -> EmptyResult:
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    resource, status = self._get_param("LogicalResourceId"), self._get_param("Status")
    before = waiting.pop(stack.stack_id, None)
    if before is None:
        return EmptyResult()
    if status == "SUCCESS":
        stack._add_stack_event("UPDATE_COMPLETE")
        stack.status = "UPDATE_COMPLETE"
        return EmptyResult()
    told(stack, resource, "UPDATE_FAILED", "Received 1 FAILURE signal(s) out of 1.")
    stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS")
    template, parameters = before
    stack.update(template, parameters=parameters)
    stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")
    stack.status = "UPDATE_ROLLBACK_COMPLETE"
    return EmptyResult()


def told(stack: Stack, resource: str, status: str, reason: str) -> None:
    stack._add_stack_event(status, resource_status_reason=reason)
    stack.events[-1].logical_resource_id = resource


def install() -> None:
    """Have moto do so."""
    parsing.get_references_from_template = references
    ChangeSet.apply, ChangeSet.diff = apply, diff
    CloudFormationResponse.create_change_set = create_with_alarms
    CloudFormationBackend.execute_change_set = execute_and_wait
    CloudFormationResponse.signal_resource = signal
