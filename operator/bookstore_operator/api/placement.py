"""Where the store's pods run: nodes, taints, priority and spread, with Kubernetes' own rules."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text

_KEY = Format(
    formats.QUALIFIED_NAME,
    "must be a key of a label: at most 63 letters, digits, -, _ and ., with an optional DNS name "
    "and / before it, for example topology.kubernetes.io/zone",
    never=formats.LONG_PREFIX,
)
_VALUE = Format(
    formats.LABEL_VALUE,
    "must be a value of a label: at most 63 letters, digits, -, _ and ., a letter or digit at "
    "both ends",
)

LabelKey = Annotated[str, text(317, _KEY)]
LabelValue = Annotated[str, text(63, _VALUE)]

Labels = Annotated[
    dict[str, LabelValue],
    Field(
        max_length=32,
        json_schema_extra=rules(
            rule(
                f"self.all(key, {_KEY.cel('key')})",
                f"each key {_KEY.says}",
                expression=f"self.map(key, !({_KEY.cel('key')}), 'the key \"' + key + '\" "
                f"{_KEY.says}')[0]",
            )
        ),
    ),
]

PriorityClassName = Annotated[
    str,
    text(
        253,
        Format(formats.SUBDOMAIN, "must name a PriorityClass: lower case letters, digits, - and ."),
    ),
]


class TolerationOperator(StrEnum):
    """How a toleration is compared with a taint."""

    EQUAL = "Equal"
    EXISTS = "Exists"


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(ApiModel):
    """Let the pods run on nodes of a taint. Source: Kubernetes, "Taints and Tolerations"."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                "a toleration without key is one of every taint: set key, or operator: Exists",
                field=".key",
            ),
            rule(
                "!has(self.value) || !has(self.operator) || self.operator != 'Exists'",
                "operator Exists has no value: take value out, or set operator: Equal",
                field=".value",
            ),
            rule(
                "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
                "tolerationSeconds counts for evictions alone: set effect: NoExecute, or take it "
                "out",
                field=".tolerationSeconds",
            ),
        )
    )

    key: LabelKey | None = None
    """The taint's key; every taint's where it is left out."""

    operator: TolerationOperator | None = None
    """Equal where it is left out: the value is that of the taint; Exists: whatever it is."""

    value: LabelValue | None = None
    """The taint's value."""

    effect: TaintEffect | None = None
    """The taint's effect; all of them where it is left out."""

    toleration_seconds: Annotated[
        int | None, Field(ge=0, le=2**31 - 1, json_schema_extra={"format": "int64"})
    ] = None
    """How long a pod stays on a node that gets the taint; for ever where it is left out."""


class Unsatisfiable(StrEnum):
    """What happens to a pod where the spread cannot be had."""

    DO_NOT_SCHEDULE = "DoNotSchedule"
    SCHEDULE_ANYWAY = "ScheduleAnyway"


class TopologySpread(ApiModel):
    """Spread the shop's pods over the values of a node's label."""

    topology_key: LabelKey
    """The label, for example topology.kubernetes.io/zone."""

    max_skew: Annotated[int, Field(ge=1, le=50)] = 1
    """How many more pods one value may have than another."""

    when_unsatisfiable: Unsatisfiable = Unsatisfiable.SCHEDULE_ANYWAY
    """DoNotSchedule keeps a pod waiting; ScheduleAnyway starts it."""


class Placement(ApiModel):
    """Where the store's pods run."""

    node_selector: Labels | None = None
    """Labels that a node must have for the pods of the shop, of its migration and of an embedded
    database."""

    tolerations: Annotated[tuple[Toleration, ...] | None, Field(max_length=16)] = None
    """Taints of nodes that the same pods may run on."""

    priority_class_name: PriorityClassName | None = None
    """The PriorityClass of the same pods."""

    topology_spread: Annotated[
        tuple[TopologySpread, ...] | None,
        Field(
            max_length=8,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["topologyKey"],
            },
        ),
    ] = None
    """How the shop's pods are spread, in the place of one for each node; apart from that they are
    kept apart by node, and less so by zone, where that can be had."""


SPREADABLE = rule(
    "!has(self.placement) || !has(self.placement.topologySpread) || !has(self.storage.claim) || "
    "self.storage.claim.accessModes.exists(mode, mode == 'ReadWriteMany')",
    "a volume that is ReadWriteOnce keeps all pods on one node: take placement.topologySpread out, "
    "or create a new BookStore with accessModes: [ReadWriteMany]",
    field=".placement.topologySpread",
)
