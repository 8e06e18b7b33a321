"""What an instance asks about itself, and how it ends.

An instance is a container, which its tags `address` and `container` name; the newest is meant. Its
metadata are given for a token alone (IMDSv2). Where its group has a hook for the end, it waits
there for somebody to complete the action, as AWS's do. Its console is the container's.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any
from urllib.parse import urlparse

from moto.autoscaling.models import AutoScalingBackend, TerminateInstanceActivity
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.responses.general import General
from moto.ec2.utils import Base64EncodedString
from moto.instance_metadata import urls

ACCOUNT, REGION = "123456789012", "us-east-1"
ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"
TOKEN = "a-token-of-the-tests"
CREDENTIALS = {
    "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "testing", "SecretAccessKey": "testing",
    "Token": "testing", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2087-01-01T00:00:00Z",
}  # fmt: skip
ending: set[str] = set()
terminate = AutoScalingBackend.terminate_instance


def tags(instance: Any) -> dict[str, str]:
    return {each["key"]: each["value"] for each in instance.get_tags()}


def at(address: str) -> Any:
    instances = (
        instance
        for reservation in ec2_backends[ACCOUNT][REGION].all_reservations()
        for instance in reservation.instances
    )
    found = [each for each in instances if tags(each).get("address") == address]
    return found[-1] if found else None


def metadata(request: Any, full_url: str, _: Any) -> tuple[int, dict[str, str], str]:
    path = urlparse(full_url).path
    if path == "/latest/api/token":
        return (200, {}, TOKEN) if request.method == "PUT" else (405, {}, "")
    if request.headers.get("X-aws-ec2-metadata-token") != TOKEN:
        return 401, {}, ""
    instance = at(request.remote_addr)
    identity = instance.id if instance else "i-00000000000000000"
    known = {
        "instance-id": identity,
        "placement/region": REGION,
        "placement/availability-zone": f"{REGION}a",
        "iam/security-credentials/": "LabRole",
        "iam/security-credentials/LabRole": json.dumps(CREDENTIALS),
        "autoscaling/target-lifecycle-state": "Terminated" if identity in ending else "InService",
    }
    answer = known.get(path.removeprefix("/latest/meta-data/"))
    return (404, {}, "") if answer is None else (200, {}, answer)


def wait_for_the_hook(
    self: AutoScalingBackend, instance_id: str, should_decrement: bool
) -> TerminateInstanceActivity:
    state = next(
        state
        for group in self.autoscaling_groups.values()
        for state in group.instance_states
        if state.instance.id == instance_id
    )
    group = state.instance.autoscaling_group
    hooks = self.describe_lifecycle_hooks(group.name)
    if not any(hook.lifecycle_transition == ENDING for hook in hooks):
        return terminate(self, instance_id, should_decrement)
    state.lifecycle_state = "Terminating:Wait"
    ending.add(instance_id)
    return TerminateInstanceActivity(state.instance, group.desired_capacity)


def complete(self: AutoScalingResponse) -> EmptyResult:
    backend, instance = self.autoscaling_backend, self._get_param("InstanceId")
    group = self._get_param("AutoScalingGroupName")
    hooks = backend.describe_lifecycle_hooks(group, [self._get_param("LifecycleHookName")])
    if not hooks or instance not in ending:
        raise ValueError(f"no lifecycle action of {instance} waits in {group}")
    ending.remove(instance)
    terminate(backend, instance, False)
    return EmptyResult()


def console(self: General) -> ActionResult:
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    container = tags(instance).get("container")
    command = ["docker", "logs", container] if container else ["true"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    output = Base64EncodedString.from_raw_string(told)
    return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})


def install() -> None:
    """Have moto do so."""
    urls.url_paths = {"{0}/(?P<path>.+)": metadata}
    AutoScalingBackend.terminate_instance = wait_for_the_hook
    AutoScalingResponse.complete_lifecycle_action = complete
    General.get_console_output = console
