"""What a process remembers of a root from one pass to the next, and the Events of a pass."""

from dataclasses import dataclass, field

from bookstore_operator.engine.backoff import Backoff
from bookstore_operator.kube.objects import Ref


@dataclass(frozen=True)
class Note:
    """An Event to write: its type, reason, action and sentence."""

    kind: str
    reason: str
    action: str
    text: str


@dataclass
class Memory:
    """What the process remembers of a root between passes; all of it can be lost without harm.

    Attributes:
        uid: The root that this is about; one of the same name made later begins anew.
        secrets: The data of guarded Secrets, to restore them by.
        reverts: How often each child was reverted of late.
        unchanged: How many passes in a row came to the same conditions.
        digest: A hash of the conditions of the last pass.
        generation: The generation of the spec whose unknown fields were reported.
        quiet_until: Until when progress alone is not worth a write to the status.
    """

    uid: str = ""
    secrets: dict[Ref, dict[str, str]] = field(default_factory=dict)
    reverts: dict[Ref, Backoff] = field(default_factory=dict)
    unchanged: int = 0
    digest: int = 0
    generation: int = 0
    quiet_until: float = 0.0
