"""Stacks by way of change sets: show what would change, do it, tell how it goes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.fleet.errors import FleetError

FAILED = ("FAILED", "ROLLBACK_COMPLETE")
# What describes a change set without a change.
NOTHING = ("didn't contain changes", "No updates are to be performed", "no changes")


@dataclass(frozen=True)
class ChangeSet:
    """What would change in a stack: lines to show, and how to do it."""

    name: str
    stack: str
    creates: bool
    lines: tuple[str, ...]
    replaced: tuple[str, ...]


@dataclass
class Stacks:
    """The stacks of one account and region. `say` shows a line, `every` is seconds between asks."""

    client: Any
    say: Callable[[str], None]
    every: float = 5.0
    _seen: set[str] = field(default_factory=set)

    def find(self, name: str) -> dict[str, Any] | None:
        """Give a stack as CloudFormation describes it, or None."""
        try:
            found: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def outputs(self, name: str) -> dict[str, str]:
        """Give what a stack gives out."""
        stack = self.find(name) or {}
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def parameter(self, name: str, parameter: str) -> str | None:
        """Give the value that a stack has for a parameter, or None."""
        told = (self.find(name) or {}).get("Parameters", [])
        return next((p["ParameterValue"] for p in told if p["ParameterKey"] == parameter), None)

    def plan(
        self,
        name: str,
        template: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
        alarms: Sequence[str] = (),
    ) -> ChangeSet | None:
        """Make a change set and give it; None when nothing would change.

        An update goes back by itself when one of `alarms` (ARNs) rings within five minutes.
        Raises FleetError for a stack that cannot be changed as it stands.
        """
        stack = self.find(name)
        status = stack["StackStatus"] if stack else "REVIEW_IN_PROGRESS"
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            raise FleetError(
                f"The stack {name} is at {status} and takes no change; end it by make fleet-down, "
                "then run make fleet again."
            )
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise FleetError(f"The stack {name} is at {status}; wait until that is over.")
        if status == "UPDATE_ROLLBACK_FAILED":
            raise FleetError(
                f"The stack {name} is at {status}; run aws cloudformation "
                f"continue-update-rollback --stack-name {name}, then make fleet again."
            )
        creates = status == "REVIEW_IN_PROGRESS"
        change = f"{name}-{int(time.time())}"
        watched = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in alarms]
        self.client.create_change_set(
            StackName=name,
            ChangeSetName=change,
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateBody=template,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            **(
                {
                    "RollbackConfiguration": {
                        "RollbackTriggers": watched,
                        "MonitoringTimeInMinutes": 5,
                    }
                }
                if watched and not creates
                else {}
            ),
        )
        told = self._described(name, change)
        if told["Status"] == "FAILED":
            self.client.delete_change_set(StackName=name, ChangeSetName=change)
            reason = told.get("StatusReason", "")
            if any(words in reason for words in NOTHING):
                return None
            raise FleetError(f"The stack {name} cannot be changed: {reason}")
        changes = [each["ResourceChange"] for each in told["Changes"]]
        return ChangeSet(
            change,
            name,
            creates,
            tuple(line(each) for each in changes) or ("~ no resource, but what it gives out",),
            tuple(each["LogicalResourceId"] for each in changes if replaces(each)),
        )

    def discard(self, change: ChangeSet) -> None:
        """Drop a change set, and the empty stack that a first one leaves."""
        self.client.delete_change_set(StackName=change.stack, ChangeSetName=change.name)
        if change.creates:
            self.client.delete_stack(StackName=change.stack)

    def execute(self, change: ChangeSet) -> None:
        """Do what a change set says and tell each resource; raises FleetError when it fails."""
        self._seen = {event["EventId"] for event in self._events(change.stack)}
        self.client.execute_change_set(StackName=change.stack, ChangeSetName=change.name)
        self._follow(change.stack, lambda status: status.endswith("_COMPLETE"))

    def delete(self, name: str) -> None:
        """Delete a stack and tell each resource; raises FleetError when it fails."""
        stack = self.find(name)
        if stack is None:
            return
        self._seen = {event["EventId"] for event in self._events(stack["StackId"])}
        self.client.delete_stack(StackName=name)
        self._follow(stack["StackId"], lambda status: status == "DELETE_COMPLETE")

    def _described(self, name: str, change: str) -> dict[str, Any]:
        while True:
            pages: Iterator[dict[str, Any]] = self.client.get_paginator(
                "describe_change_set"
            ).paginate(StackName=name, ChangeSetName=change)
            told = list(pages)
            if told[0]["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                changes = [each for page in told for each in page.get("Changes", [])]
                return {**told[0], "Changes": changes}
            time.sleep(self.every)

    def _events(self, stack: str) -> list[dict[str, Any]]:
        try:
            pages = self.client.get_paginator("describe_stack_events").paginate(StackName=stack)
            events = [event for page in pages for event in page["StackEvents"]]
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise
        return sorted(events, key=lambda event: event["Timestamp"])

    def _follow(self, stack: str, ended_well: Callable[[str], bool]) -> None:
        failure = ""
        while True:
            for event in self._events(stack):
                if event["EventId"] in self._seen:
                    continue
                self._seen.add(event["EventId"])
                status, what = event["ResourceStatus"], event["LogicalResourceId"]
                self.say(f"   {what:32} {status}")
                reason = event.get("ResourceStatusReason", "")
                if status.endswith("_FAILED") and not failure and "cancelled" not in reason:
                    failure = f"{what}: {reason}"
            now = self.find(stack)
            status = now["StackStatus"] if now else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(self.every)
        if status.endswith(FAILED) or not ended_well(status):
            name = now["StackName"] if now else stack
            back = " The version of before serves on." if status.startswith("UPDATE_ROLLB") else ""
            raise FleetError(
                f"The stack {name} ended at {status}: {failure or 'see its events'}.{back}"
            )


def replaces(change: Mapping[str, Any]) -> bool:
    """Tell whether a change makes a resource anew, or takes it away."""
    return change["Action"] == "Remove" or change.get("Replacement") in ("True", "Conditional")


def line(change: Mapping[str, Any]) -> str:
    """Give a change as one line: + new, ~ changed, ! made anew, - taken away."""
    mark = {"Add": "+", "Remove": "-"}.get(change["Action"], "!" if replaces(change) else "~")
    return f"{mark} {change['LogicalResourceId']:32} {change['ResourceType']}"
