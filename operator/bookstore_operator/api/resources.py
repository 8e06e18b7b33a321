"""What each pod of the shop is given: requests, limits, and their rules."""

from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.scalars import Bytes, Cpu, less


class ResourceRequests(ApiModel):
    """What each pod of the shop is given at least."""

    cpu: Cpu = "100m"
    """CPU, in cores."""

    memory: Bytes = "192Mi"
    """Memory, in bytes."""

    ephemeral_storage: Annotated[Bytes | None, Field(alias="ephemeral-storage")] = None
    """Space on the node's disk, in bytes."""


class ResourceLimits(ApiModel):
    """What each pod of the shop is given at most."""

    cpu: Cpu | None = None
    """CPU, in cores; not limited where it is left out."""

    memory: Bytes = "512Mi"
    """Memory, in bytes; a pod that takes more is restarted."""

    ephemeral_storage: Annotated[Bytes | None, Field(alias="ephemeral-storage")] = None
    """Space on the node's disk, in bytes; not limited where it is left out."""


def _within_limit(resource: str) -> dict[str, str]:
    escaped = resource.replace("-", "__dash__")
    request, limit = f"self.requests.{escaped}", f"self.limits.{escaped}"
    fix = "raise the limit or lower the request"
    return rule(
        f"!has({request}) || !has({limit}) || !{less(f'string({limit})', f'string({request})')}",
        f"requests.{resource} is more than limits.{resource}; {fix}",
        field=".requests",
        expression=f"'requests.{resource} ' + string({request}) + ' is more than "
        f"limits.{resource} ' + string({limit}) + '; {fix}'",
    )


class Resources(ApiModel):
    """What each pod of the shop is given; the form is that of a container in Kubernetes."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            _within_limit("cpu"), _within_limit("memory"), _within_limit("ephemeral-storage")
        )
    )

    requests: ResourceRequests = ResourceRequests()
    """What each pod is given at least."""

    limits: ResourceLimits = ResourceLimits()
    """What each pod is given at most."""
