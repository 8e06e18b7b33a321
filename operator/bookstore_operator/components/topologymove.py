"""Topology move: bring a live store from one topology to the other, and back, while people buy.

The phases (``api.move``) are recorded before they are acted upon, so that whoever is killed goes on
where it was. What runs in each of them the other components read from the store; this one runs the
shop's commands that move the tables, and says when the next phase begins.
"""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, EventReason, Reason
from bookstore_operator.api.move import PHASES, Move, MovePhase, other
from bookstore_operator.api.services import Topology
from bookstore_operator.components.credentials import (
    CREDENTIALS_READY,
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
    logins,
)
from bookstore_operator.components.database.database import DATABASE_READY
from bookstore_operator.components.jobs import (
    ATTEMPT,
    REFUSED,
    UNDISTURBED,
    attempt_of,
    failure,
    is_complete,
    pause_left,
    pods_of,
    shop_job,
    why_failed,
)
from bookstore_operator.components.manifests import child
from bookstore_operator.components.movestart import MOVE_WAITS, SOON, hindrance, rests
from bookstore_operator.components.moveways import (
    ENDPOINT_SLICE,
    are_gone,
    has_followed,
    is_ready,
    leaving,
    queries_of_ways,
    running,
)
from bookstore_operator.components.pods import REASONS, explain, termination
from bookstore_operator.components.shop import BACKUP
from bookstore_operator.components.standstill import restore_named
from bookstore_operator.components.wholeshop import whole_shop
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import JOB, POD, SERVICE_ACCOUNT
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store
from bookstore_operator.task import RESTORE_READ

TOPOLOGY_CURRENT = ConditionType("TopologyCurrent", "The store serves as spec.topology says.")
MOVE_IN_PROGRESS = Reason(
    "MoveInProgress",
    "The store moves to spec.topology; status.move.phase says how far it is.",
    fix="Wait; it goes on by itself, and the shop serves meanwhile, see "
    "docs/how-to/microservices-on-kubernetes.md.",
)
MOVE_FAILED = Reason(
    "MoveFailed",
    "A step of the move failed and is tried again; the shop serves as it did before.",
    fix="Mend what the message names, or set spec.topology back, see "
    "docs/how-to/microservices-on-kubernetes.md.",
)
MOVING = EventReason("Moving", "The store goes on to another phase of its move.")
MOVED = EventReason("Moved", "The store has moved to another topology.")

MOVE = "move"
"""The component of the Jobs, as their labels name it."""

DEADLINE = 900
"""Seconds that a step may take; one that hangs is ended and tried again."""

ATTEMPTS = 6
"""How often a pod that was killed is followed by another."""

AT_ONCE = 0.3
"""Seconds until the next phase is begun."""

LOCKED = "DatabaseLocked"
"""What the shop calls it that somebody else works on all rows, such as a backup."""

COMMANDS = {
    MovePhase.EXPANDING: "expand",
    MovePhase.CUTTING_OVER: "cutover",
    MovePhase.CONTRACTING: "contract",
}
TELLS = {
    MovePhase.EXPANDING: "views are made where the tables will be",
    MovePhase.STARTING: "what serves then is started beside what serves now",
    MovePhase.LEADING: "shoppers are led to what was started",
    MovePhase.CUTTING_OVER: "the tables are put in their place",
    MovePhase.DRAINING: "what led shoppers before ends what it took",
    MovePhase.STOPPING: "what served before ends",
    MovePhase.CONTRACTING: "the views are taken away",
}


class TopologyMove(Component[Store]):
    """Move the store to the topology that its spec wants."""

    condition: ClassVar = TOPOLOGY_CURRENT
    kinds: ClassVar = (JOB,)
    reads: ClassVar = (POD, ENDPOINT_SLICE, RESTORE_READ)
    reasons: ClassVar = (
        MOVE_IN_PROGRESS,
        MOVE_WAITS,
        MOVE_FAILED,
        SECRET_NOT_FOUND,
        SECRET_KEY_MISSING,
        *REASONS,
    )
    events: ClassVar = (MOVING, MOVED)
    begins_after: ClassVar = (CREDENTIALS_READY, DATABASE_READY)

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return what a move waits for: a restore, and the logins of both sides."""
        if not _is_asked(root):
            return []
        return [*restore_named(root), *logins(root, whole=True, services=True)]

    def begun(self, root: Store, view: View) -> bool:
        """Return whether nothing is about to begin: a step waits for the database, no other."""
        return not _steps(root, view)

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the Job of the phase where it is to be made: at first, or once more."""
        deployment = whole_shop(root, view)
        if not _steps(root, view) or deployment is None or root.move is None:
            return []
        args = ["schemas", COMMANDS[root.move.phase]]
        if root.move.phase is not MovePhase.CONTRACTING:
            args += ["--to", root.move.to.value]
        policy = (REFUSED, UNDISTURBED)
        spec = shop_job(deployment, root.labels(BACKUP), args, policy, ATTEMPTS)
        ref = _job(root, root.move)
        before = view.get(ref)
        manifest = child(root, ref, MOVE, spec=spec | {"activeDeadlineSeconds": DEADLINE})
        attempt = attempt_of(before) + 1 if before else 1
        manifest["metadata"]["annotations"] = {ATTEMPT: str(attempt)}
        return [manifest]

    def replaced(self, root: Store, view: View) -> list[Ref]:
        """Return the Job that failed, once its pause is over; and any, where the store turns."""
        if root.move is None:
            return []
        ref = _job(root, root.move)
        job = view.get(ref)
        return [ref] if job and (_turns(root) or _is_due(root, view, job)) else []

    def retained(self, root: Store, view: View) -> set[Ref]:
        """Return the Job of the phase, and ServiceAccounts, on which people note their rights."""
        job = {_job(root, root.move)} if root.move and not _turns(root) else set()
        return job | set(view.owned(SERVICE_ACCOUNT))

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return what tells whether the phase is over."""
        move = root.move
        if move is None:
            return []
        if _turns(root):
            return [_pods_of_step(root, move)]
        job = view.get(_job(root, move))
        if job:
            return [pods_of(job)]
        return [*queries_of_ways(root, view), *leaving(root)]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge how far the move is, and what it waits for."""
        if not _is_asked(root):
            return ready(f"The store runs as {root.sides.topology.value}.")
        if root.move is None:
            way = f"The move to {root.spec.topology.value} is about to begin."
            return hindrance(root, view) or _progress(way, AT_ONCE)
        if stands := rests(root, view):
            return stands
        if _turns(root):
            way = f"The store turns back to {root.spec.topology.value}."
            return _progress(f"{way}{_postponed(root)}", AT_ONCE)
        job = view.get(_job(root, root.move))
        return (_trouble(root.move, job, view) if job else None) or _under_way(root, view)

    def status(self, root: Store, view: View) -> Manifest:
        """Return what the store serves as, and the phase that comes next."""
        topology, move = _next(root, view)
        return {"topology": topology.value} | ({"move": move.manifest()} if move else {})

    def announcements(self, root: Store, view: View) -> list[tuple[EventReason, str]]:
        """Tell that another phase begins, or that the move is over."""
        topology, move = _next(root, view)
        if move == root.move:
            return []
        if move is None:
            return [(MOVED, f"The store has moved, and serves as {topology.value}.")]
        return [(MOVING, f"To {move.to.value}, {move.phase.value}: {TELLS[move.phase]}.")]


def _is_asked(store: Store) -> bool:
    """Return whether the store moves, or is to."""
    return store.move is not None or store.spec.topology is not store.sides.topology


def _turns(store: Store) -> bool:
    """Return whether the spec wants the way back."""
    return store.move is not None and store.move.to is not store.spec.topology


def _job(store: Store, move: Move) -> Ref:
    """Return the Job of a phase: whoever turns and comes to it again makes another."""
    return store.moving(f"{move.generation}-{move.phase.value.lower()}")


def _pods_of_step(store: Store, move: Move) -> Query:
    return Query.of(POD, {"batch.kubernetes.io/job-name": _job(store, move).name})


def _steps(store: Store, view: View) -> bool:
    """Return whether the Job of the phase is to be made now."""
    if store.move is None or store.move.phase not in COMMANDS or _turns(store):
        return False
    job = view.get(_job(store, store.move))
    return not rests(store, view) and (job is None or _is_due(store, view, job))


def _is_due(store: Store, view: View, job: Manifest) -> bool:
    """Return whether a Job has failed, and is to be made anew."""
    return bool(failure(job)) and pause_left(job, view.now) <= 0 and not rests(store, view)


def _next(store: Store, view: View) -> tuple[Topology, Move | None]:
    """Return what the store serves as, and the move in the phase that comes next."""
    topology, move = store.sides.topology, store.move
    if move is None:
        if not _is_asked(store) or hindrance(store, view):
            return topology, None
        image, generation = store.parts[0].spec.image, store.generation
        begun = {"to": store.spec.topology, "phase": PHASES[0], "image": image}
        return topology, Move.model_validate(begun | {"generation": generation})
    if rests(store, view):
        return topology, move
    if _turns(store):
        pods = view.found(_pods_of_step(store, move))
        gone = view.get(_job(store, move)) is None and are_gone(pods)
        return topology, move.back(store.generation) if gone else move
    if not _is_over(store, move, view):
        return topology, move
    then = move.then()
    return (topology, then) if then else (move.to, None)


def _is_over(store: Store, move: Move, view: View) -> bool:
    """Return whether all of a phase is done."""
    if move.phase in COMMANDS:
        # What served before has by then taken in that it shares the database's connections.
        return is_complete(view.get(_job(store, move)) or {}) and is_ready(store, view)
    if move.phase is MovePhase.STARTING:
        return is_ready(store, view)
    if move.phase is MovePhase.LEADING:
        return has_followed(store, view)
    return all(are_gone(view.found(query)) for query in leaving(store))


def _under_way(store: Store, view: View) -> Verdict:
    move = store.move
    if move is None:
        return ready("")
    left = [name for query in leaving(store) for name in running(view.found(query))]
    waits = f"; waits for pods {', '.join(sorted(left)[:3])}" if left else ""
    way = f"To {move.to.value}, {move.phase.value}: {TELLS[move.phase]}{waits}."
    again = SOON if _next(store, view)[1] == move else AT_ONCE
    return _progress(f"{way}{_postponed(store)}", again)


def _postponed(store: Store) -> str:
    images = " and ".join(store.postponed)
    return f" Image {images} is rolled out once the store has moved." if images else ""


def _progress(text: str, again: float) -> Verdict:
    return waiting(MOVE_IN_PROGRESS, text, holds=False, again=again)


def _trouble(move: Move, job: Manifest, view: View) -> Verdict | None:
    """Return the verdict on a Job that failed, or whose pod does not start; None where it works."""
    pods = view.found(pods_of(job)) or []
    if is_complete(job):
        return None
    if not failure(job):
        return explain(pods, move.image, "spec.image", view.now)
    again = max(pause_left(job, view.now), AT_ONCE)
    why = why_failed(job, pods)
    if termination(pods).get("error") == LOCKED:
        text = f"{move.phase.value} to {move.to.value} waits: {why}. It is tried again."
        return waiting(MOVE_WAITS, text, holds=False, again=again)
    text = (
        f"{move.phase.value} to {move.to.value} failed: {why}; mend that, it is tried again, or "
        f"set spec.topology to {other(move.to).value} to turn back"
    )
    return failed(MOVE_FAILED, text, holds=False, again=again)
