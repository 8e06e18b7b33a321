"""Never do two operators hold the Lease at once, whatever the network does to their requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import from_response
from bookstore_operator.kube.lease import ANSWERED_WITHIN, Lease
from bookstore_operator.kube.objects import Manifest

CLOCK = "bookstore_operator.kube.lease.clock"
SECONDS = st.one_of(st.sampled_from([0.1, 2.0, 9.0, 14.0, 15.5]), st.floats(0, 25))
JOURNEY = st.one_of(st.just(0.0), st.just(0.0), st.floats(0, 12))
LOST = st.sampled_from([False, False, False, True])


class Step(NamedTuple):
    """One attempt: whose, how long after the last, how long its requests travel, what is lost."""

    who: int
    pause: float
    there: float
    back: float
    lost: bool


STEPS = st.lists(st.builds(Step, st.integers(0, 2), SECONDS, JOURNEY, JOURNEY, LOST), max_size=25)


@dataclass
class Network:
    """An API server that holds one Lease, at the end of slow and lossy ways.

    Attributes:
        now: The time, by which everybody measures.
        step: How requests travel at the moment.
        late: Writes that arrive though who sent them has given up.
    """

    now: float = 1000.0
    step: Step = field(default_factory=lambda: Step(0, 0, 0, 0, lost=False))
    live: Manifest | None = None
    late: list[tuple[float, str, Manifest]] = field(default_factory=list)

    def travel(self, seconds: float) -> None:
        """Let time go by, and what is late arrive."""
        until = self.now + seconds
        for due in sorted(self.late, key=lambda one: one[0]):
            if due[0] <= until:
                self.late.remove(due)
                self.now = max(self.now, due[0])
                self.write(due[1], due[2], late=True)
        self.now = until

    def write(self, method: str, body: Manifest, *, late: bool = False) -> None:
        """Write as the API server does: once for each version that was read."""
        known = body["metadata"].get("resourceVersion")
        version = self.live["metadata"]["resourceVersion"] if self.live else None
        if known != version or (method == "POST") != (self.live is None):
            if late:
                return
            raise from_response("write", 409, {"message": "the object has been modified"})
        spec = (self.live or {"spec": {}})["spec"] | body["spec"]
        self.live = {"metadata": {"resourceVersion": str(int(version or 0) + 1)}, "spec": spec}

    async def request(
        self, method: str, _path: str, action: str, _content: str = "", body: Any = None
    ) -> Manifest:
        """Bring a request there and its answer back, as the step says."""
        step = self.step
        if step.there > ANSWERED_WITHIN:
            if method != "GET":
                self.late.append((self.now + step.there, method, body))
            self.travel(ANSWERED_WITHIN)
            raise TimeoutError
        self.travel(step.there)
        if method != "GET":
            self.write(method, body)
        elif self.live is None:
            raise from_response(action, 404, {"message": "not found"})
        answer: Manifest = json.loads(json.dumps(self.live))
        if step.lost or step.there + step.back > ANSWERED_WITHIN:
            self.travel(ANSWERED_WITHIN - step.there)
            raise TimeoutError
        self.travel(step.back)
        return answer


def holders(leases: list[Lease]) -> list[int]:
    return [number for number, lease in enumerate(leases) if lease.is_held]


async def played(network: Network, steps: list[Step]) -> Iterator[list[int]]:
    """Play attempts, and return who held the Lease after each."""
    kube = cast("Kube", network)
    leases = [Lease(kube, "bookstore-system", f"operator-{number}") for number in range(3)]
    seen = []
    for step in steps:
        network.step = step
        network.travel(step.pause)
        seen.append(holders(leases))
        await leases[step.who]._attempt()
        seen.append(holders(leases))
    return iter(seen)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_never_do_two_hold_it_at_once(steps: list[Step]) -> None:
    network = Network()
    with patch(CLOCK, lambda: network.now):
        for held in asyncio.run(played(network, steps)):
            assert len(held) <= 1


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_whatever_was_somebody_holds_it_once_the_network_is_well(steps: list[Step]) -> None:
    network = Network()
    well = [Step(0, pause, 0, 0, lost=False) for pause in (20.0, 0.1, 16.0, 0.1)]
    with patch(CLOCK, lambda: network.now):
        *_, last = asyncio.run(played(network, [*steps, *well]))
    assert last == [0]
