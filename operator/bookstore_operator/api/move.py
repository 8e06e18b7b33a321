"""The way of a live store from one topology to the other: how far it is, what runs meanwhile.

A store has two sides, the shop as one and its services, one of which runs once all is settled.
While it moves both do: they work on the same rows, by views of the tables where those are not.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, WithJsonSchema

from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.services import Topology


class MovePhase(StrEnum):
    """How far a move is; each phase is recorded before anything is done of it."""

    EXPANDING = "Expanding"
    STARTING = "Starting"
    LEADING = "Leading"
    CUTTING_OVER = "CuttingOver"
    DRAINING = "Draining"
    STOPPING = "Stopping"
    CONTRACTING = "Contracting"

    def is_from(self, first: "MovePhase") -> bool:
        """Return whether a phase has begun, or is over."""
        return PHASES.index(self) >= PHASES.index(first)


PHASES = tuple(MovePhase)

BACK_FROM = {
    MovePhase.EXPANDING: MovePhase.CONTRACTING,
    MovePhase.STARTING: MovePhase.DRAINING,
    MovePhase.LEADING: MovePhase.LEADING,
    MovePhase.CUTTING_OVER: MovePhase.LEADING,
    MovePhase.DRAINING: MovePhase.STARTING,
    MovePhase.STOPPING: MovePhase.STARTING,
    MovePhase.CONTRACTING: MovePhase.EXPANDING,
}
"""Where the way back begins: at the phase that has the same side led to, and the same one whole."""


def other(topology: Topology) -> Topology:
    """Return the topology that a store moves from, by the one that it moves to."""
    return Topology.MICROSERVICES if topology is Topology.MONOLITH else Topology.MONOLITH


class Move(ApiModel):
    """How far a store is on its way to another topology."""

    to: Topology
    """The topology that it moves to."""

    phase: MovePhase
    """Expanding: views are made where the tables will be. Starting: what serves then is started.
    Leading: shoppers are led to it. CuttingOver: the tables are renamed. Draining: what led
    shoppers before goes, and then, Stopping, all that served before. Contracting: the views go."""

    image: Annotated[str, Field(max_length=512)]
    """The image of all pods for as long as it takes."""

    generation: Annotated[int, WithJsonSchema({"type": "integer", "format": "int64"})]
    """The generation of the spec that asked for it."""

    def then(self) -> "Move | None":
        """Return the move in its next phase; None after the last."""
        if self.phase is PHASES[-1]:
            return None
        return self.model_copy(update={"phase": PHASES[PHASES.index(self.phase) + 1]})

    def back(self, generation: int) -> "Move":
        """Return the way back, asked for by another generation of the spec."""
        turned = {"to": other(self.to), "phase": BACK_FROM[self.phase], "generation": generation}
        return self.model_copy(update=turned)


@dataclass(frozen=True)
class Sides:
    """What of a store runs, and which side shoppers are led to.

    Attributes:
        topology: What it serves as where it does not move.
        move: The move that is under way.
    """

    topology: Topology
    move: Move | None = None

    @property
    def led_to(self) -> Topology:
        """Return the side that shoppers are led to."""
        if self.move is None:
            return self.topology
        turned = self.move.phase.is_from(MovePhase.LEADING)
        return self.move.to if turned else other(self.move.to)

    @property
    def whole(self) -> bool:
        """Return whether the shop as one has pods."""
        return self._runs(Topology.MONOLITH, MovePhase.DRAINING)

    @property
    def services(self) -> bool:
        """Return whether the services have pods; they outlive their gateway, which asks them."""
        return self._runs(Topology.MICROSERVICES, MovePhase.STOPPING)

    @property
    def gateway(self) -> bool:
        """Return whether the services' gateway has pods."""
        return self._runs(Topology.MICROSERVICES, MovePhase.DRAINING)

    def _runs(self, side: Topology, end: MovePhase) -> bool:
        if self.move is None:
            return side is self.topology
        if side is self.move.to:
            return self.move.phase is not MovePhase.EXPANDING
        return not self.move.phase.is_from(end)
