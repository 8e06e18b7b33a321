"""A store that moves between topologies on a stage: its pods, endpoints, and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bookstore_operator.api.services import SERVICES
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.cluster import Place
from tests.component.operator.server import Server
from tests.component.operator.specs import SPECS
from tests.component.operator.stage import POLL, Stage, hurry

COMPONENT = "app.kubernetes.io/component"
MICROSERVICES, MONOLITH = "Microservices", "Monolith"
SERVICES_OF = {MONOLITH: ("shop",), MICROSERVICES: tuple(f"shop-{one}" for one in SERVICES)}
FRONTS = {MONOLITH: "web", MICROSERVICES: "gateway"}
LOGINS: Manifest = {
    name: {"database": {"credentialsSecretRef": {"name": "login"}}} for name in SERVICES
}
EMBEDDED = {name: spec for name, spec in SPECS["microservices"].items() if name != "topology"}
PHASES = (
    "Expanding",
    "Starting",
    "Leading",
    "CuttingOver",
    "Draining",
    "Stopping",
    "Contracting",
)


class Moving(Stage):
    """A stage with kubelets.

    Attributes:
        kept: The components whose pods do not end, and the Services that are not followed.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.kept: set[str] = set()

    async def hold(self, wanted: str, to: str) -> None:
        """Ask for a topology, and keep the move at a phase, until ``let_go``."""
        before = {"CuttingOver": "Leading", "Contracting": "Draining"}.get(wanted)
        at = before or wanted
        self.held |= {"Expanding": {"jobs"}, "Starting": {"deployments"}}.get(at, set())
        last = {"auth"} if to == MONOLITH else {FRONTS[MONOLITH]}
        front = {FRONTS[MONOLITH if to == MICROSERVICES else MICROSERVICES]}
        self.kept |= {"Leading": {"shop-svc"}, "Draining": front, "Stopping": last}.get(at, set())
        await ask(self, to)
        await until_phase(self, at)
        if before:
            self.held.add("jobs")
            self.kept.clear()
            await until_phase(self, wanted)

    def let_go(self) -> None:
        self.held.clear()
        self.kept.clear()


@asynccontextmanager
async def kubelets(stage: Stage) -> AsyncIterator[None]:
    """Give Deployments their pods and Services their endpoints, as long as the block runs."""

    async def play() -> None:
        while True:
            kept = stage.kept if isinstance(stage, Moving) else set[str]()
            if _pods(stage, kept) | _endpoints(stage, kept):
                await stage.cluster.tell()
            await asyncio.sleep(POLL)

    playing = asyncio.create_task(play())
    try:
        yield
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing


def _pods(stage: Stage, kept: set[str]) -> bool:
    objects, changed = stage.cluster.objects, False
    wanted: dict[Place, Manifest] = {}
    for (plural, namespace, name), live in objects.items():
        if plural == "deployments" and live["spec"]["replicas"]:
            template = live["spec"]["template"]
            wanted["pods", namespace, f"{name}-pod"] = template
    for place, template in wanted.items():
        if place not in objects:
            labels = dict(template["metadata"]["labels"])
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": labels}}
            stage.cluster.apply(place, pod | {"spec": template["spec"]}, "kubelet")
            changed = True
    for place, live in list(objects.items()):
        label = live["metadata"].get("labels", {}).get(COMPONENT)
        is_pod = place[0] == "pods" and place[2].endswith("-pod")
        if is_pod and place not in wanted and label not in kept:
            stage.cluster.delete(place)
            changed = True
    return changed


def _endpoints(stage: Stage, kept: set[str]) -> bool:
    changed = False
    for (plural, namespace, name), live in list(stage.cluster.objects.items()):
        if plural != "services" or name in kept or "selector" not in live["spec"]:
            continue
        found = [
            {
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
            }
            for pod in stage.cluster.select("pods", namespace)
            if live["spec"]["selector"].items() <= pod["metadata"].get("labels", {}).items()
        ]
        place = ("endpointslices", namespace, f"{name}-slice")
        if stage.cluster.objects.get(place, {}).get("endpoints") == found:
            continue
        body = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"labels": {"kubernetes.io/service-name": name}},
            "endpoints": found,
        }
        stage.cluster.apply(place, body, "endpoints-controller")
        changed = True
    return changed


def hurry_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses of moves, and of all else."""
    hurry(monkeypatch)
    for module in ("topologymove", "movestart", "standstill", "taskjobs", "restore"):
        monkeypatch.setattr(f"bookstore_operator.components.{module}.SOON", 0.05)
    monkeypatch.setattr("bookstore_operator.components.topologymove.AT_ONCE", 0.02)
    monkeypatch.setattr("bookstore_operator.components.jobs.FIRST_PAUSE", 2.0)


async def made(stage: Stage, topology: str, **spec: object) -> None:
    """Make a store on an embedded database, and wait until it is ready."""
    await stage.made(**EMBEDDED | {"topology": topology} | spec)


async def ask(stage: Stage, to: str, **spec: object) -> None:
    """Want another topology of the store."""
    await stage.edit("bookstores", "shop", {"spec": {"topology": to} | spec})


def status(stage: Stage) -> Manifest:
    found: Manifest = stage.get("bookstores", "shop").get("status", {})
    return found


def phase(stage: Stage) -> str | None:
    found: str | None = status(stage).get("move", {}).get("phase")
    return found


async def until_moved(stage: Stage, to: str) -> None:
    """Wait until the store has settled as a topology."""

    def moved() -> bool:
        told = status(stage)
        return told.get("topology") == to and "move" not in told

    await stage.until(moved)


async def until_phase(stage: Stage, wanted: str) -> None:
    await stage.until(lambda: phase(stage) == wanted)


def steps(stage: Stage) -> list[list[str]]:
    """Return the commands of the shop that moved tables, in the order of their Jobs."""
    return [
        one.live["spec"]["template"]["spec"]["containers"][0]["args"]
        for one in stage.cluster.journal
        if (one.plural, one.kind) == ("jobs", "ADDED") and "-move-" in one.live["metadata"]["name"]
    ]


def phases(stage: Stage) -> list[str]:
    """Return the phases that the status told, with the topology that each led to."""
    seen: list[str] = []
    for one in stage.cluster.journal:
        if one.plural != "bookstores":
            continue
        move = one.live.get("status", {}).get("move")
        told = f"{move['phase']} to {move['to']}" if move else "settled"
        if not seen or seen[-1] != told:
            seen.append(told)
    return seen


def led_to(stage: Stage) -> str:
    """Return the component of the pods that shoppers are led to."""
    return str(stage.get("services", "shop-svc")["spec"]["selector"][COMPONENT])


def running(stage: Stage) -> set[str]:
    """Return the names of the Deployments that there are."""
    return {place[2] for place in stage.cluster.objects if place[0] == "deployments"}
