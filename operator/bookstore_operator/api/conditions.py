"""Conditions in the form of ``metav1.Condition``, and the names that every root kind shares.

A component adds the condition and the reasons of its own in its own file. Source: Kubernetes API
conventions, "Typical status properties".
"""

from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema

from bookstore_operator.api.model import ApiModel

Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class _Documented(str):
    """A name in the resource that carries its meaning for the reference."""

    __slots__ = ("meaning",)
    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        name = super().__new__(cls, value)
        name.meaning = meaning
        return name


class ConditionType(_Documented):
    """The name of a condition."""

    __slots__ = ()


class Reason(_Documented):
    """The reason of a condition or an Event, and what a person can do about it."""

    __slots__ = ("fix",)
    fix: str

    def __new__(cls, value: str, meaning: str, fix: str = "") -> Self:
        """Name a reason.

        Args:
            value: The reason, as one CamelCase word.
            meaning: What it says.
            fix: What helps, as a sentence; ``docs/….md`` in it names a page of the repository.
        """
        name = super().__new__(cls, value, meaning)
        name.fix = fix
        return name


class EventReason(_Documented):
    """The reason of an Event that is no condition's."""

    __slots__ = ()


READY = ConditionType("Ready", "Every part is as the spec wants it, and the shop serves.")
AVAILABLE = ConditionType("Available", "The shop serves: a pod of a good version is ready.")
PROGRESSING = ConditionType("Progressing", "The operator, or the cluster for it, is at work.")
DEGRADED = ConditionType(
    "Degraded", "Something stands in the way that does not pass by itself soon."
)
SUMMARIES = (READY, AVAILABLE, PROGRESSING, DEGRADED)
"""The conditions on the whole; each component adds one of its own."""

RECONCILED = Reason("Reconciled", "All is as it should be.", fix="Nothing needs to be done.")
PAUSED = Reason(
    "Paused",
    "spec.state is Paused; the operator changes nothing.",
    fix=(
        "Set spec.state to Running, or run `kubectl bookstore resume`, when the "
        "operator should act again."
    ),
)
WORKING = Reason(
    "Progressing", "Work is under way.", fix="Wait; what is under way goes on by itself."
)
TERMINATING = Reason(
    "Terminating",
    "The resource is being deleted; the message says what stays.",
    fix=(
        "Wait for what the message names to go; where the operator is gone for good, "
        "see docs/how-to/uninstall.md."
    ),
)
CONFLICT = Reason(
    "Conflict",
    "An object of the wanted name belongs to somebody else.",
    fix=(
        "Give the store another name, or move the object that the message names once "
        "you know that nothing needs it."
    ),
)
QUOTA_EXCEEDED = Reason(
    "QuotaExceeded",
    "A quota of the namespace is used up.",
    fix="Raise the namespace's quota, or free what it counts.",
)
FORBIDDEN = Reason(
    "Forbidden",
    "The operator lacks a right; the message names it.",
    fix="Grant the right that the message names: apply the operator's manifests again.",
)
INVALID = Reason(
    "Invalid",
    "The API server refused an object; the message says why.",
    fix="Correct the field that the message names.",
)
API_ERROR = Reason(
    "ApiError",
    "The API server failed; the operator tries again.",
    fix=(
        "Wait; the operator tries again. Where it stays, see whether the API server or "
        "an admission webhook answers."
    ),
)
KIND_MISSING = Reason(
    "KindMissing",
    "The cluster does not serve a kind that the spec needs.",
    fix=(
        "Install what the message names, or take the part out of the spec; the store "
        "goes on within seconds of it."
    ),
)

GOES_ON = "Look at the condition that it waits for; this part goes on by itself after it."
"""The fix of every reason of a part that begins after another."""

COMMON_REASONS = (
    RECONCILED,
    PAUSED,
    WORKING,
    TERMINATING,
    CONFLICT,
    QUOTA_EXCEEDED,
    FORBIDDEN,
    INVALID,
    API_ERROR,
    KIND_MISSING,
)

RESTORED = EventReason("Restored", "A child that somebody deleted was made again.")
REVERTED = EventReason("Reverted", "A child that somebody edited was set back.")
UNKNOWN_FIELD = EventReason(
    "UnknownField", "The spec has a field that this operator does not know."
)
COMMON_EVENTS = (RESTORED, REVERTED, UNKNOWN_FIELD)


class Condition(ApiModel):
    """One aspect of a resource, in the form of ``metav1.Condition``."""

    type: Annotated[str, Field(max_length=316)]
    """The condition's name."""

    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""

    reason: Annotated[str, Field(max_length=1024)]
    """Why, as one CamelCase word."""

    message: Annotated[str, Field(max_length=32768)]
    """Why, as a sentence, with the fix where there is one."""

    observed_generation: Annotated[
        int | None, WithJsonSchema({"type": "integer", "format": "int64", "minimum": 0})
    ] = None
    """The generation of the spec that the condition was judged for; optional, as in every kind."""

    last_transition_time: Timestamp
    """When status last changed."""
