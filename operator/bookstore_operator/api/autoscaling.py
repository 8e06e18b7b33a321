"""How many pods an autoscaler may run: bounds and targets, and their rules."""

from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.model import ApiModel, rule, rules

MOST_REPLICAS = 50

Count = Annotated[int, Field(ge=1, le=MOST_REPLICAS)]


class Autoscaling(ApiModel):
    """Let a HorizontalPodAutoscaler choose how many pods serve the shop."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.minReplicas <= self.maxReplicas",
                "autoscaling.minReplicas is more than autoscaling.maxReplicas; lower the one or "
                "raise the other",
                field=".minReplicas",
            )
        )
    )

    min_replicas: Count = 2
    """How many pods there are at least."""

    max_replicas: Count
    """How many pods there are at most."""

    cpu_utilization: Annotated[int, Field(ge=1, le=1000)] = 70
    """The CPU that the pods shall use on average, in percent of resources.requests.cpu."""

    requests_per_second: Annotated[int | None, Field(ge=1, le=10000)] = None
    """The requests that each pod shall answer in a second on average, beside the CPU: the larger
    number of pods wins. The cluster needs an adapter that serves the metric
    bookstore_http_requests_per_second of pods in the API custom.metrics.k8s.io."""


SCALED_ONCE = (
    rule(
        "!has(self.autoscaling) || !has(self.replicas)",
        "replicas and autoscaling are both set, and the autoscaler chooses the number; take "
        "replicas out, as by kubectl patch bookstore NAME --type=merge "
        '-p \'{"spec":{"replicas":null}}\', or take autoscaling out',
        field=".replicas",
    ),
    rule(
        "!has(oldSelf.autoscaling) || has(self.autoscaling) || has(self.replicas)",
        "autoscaling is taken out, and nothing says how many pods go on serving; set replicas in "
        "the same change, for example to the number that runs now",
        field=".replicas",
    ),
)
"""Who says how many pods there are: the spec or an autoscaler, and no jump between the two."""
