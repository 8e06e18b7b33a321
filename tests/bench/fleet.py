"""The operator with hundreds and thousands of stores, on nodes that KWOK simulates.

Everything is compared with raw applies of the very same objects, by one client with the operator's
account, in the same run and with the same controllers at work behind them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cluster import fleet
from cluster.steps import Step, Steps
from tests.bench import repair
from tests.bench.api import Api
from tests.bench.audit import Audit, Write, by_sort, made
from tests.bench.figures import Row
from tests.bench.population import Key, Population, place
from tests.bench.process import Operator
from tests.bench.raw import Child, Rate, Raw, recorded, size

MODEL = ("bench-model", "model-store")
AT_ONCE = (8, 16, 32)
BURST, ROUND, TRIALS = 100, 100, 60
REST_SECONDS = 60
STORE_SECONDS = 3.0
"""Seconds for a store to be ready, at the very most, before the bench gives up on the fleet."""

CALM_SHARE, CALM_SECONDS = 0.05, 2.0


@dataclass(frozen=True)
class Burst:
    """The seconds for a store of a burst to have its children, by the operator and raw."""

    seconds: float
    raw: float


@dataclass
class Bench:
    """What the measurements share, and what they found."""

    operator: Operator
    account: Api
    admin: Api
    audit: Audit
    stores: Population
    steps: Steps
    folder: Path
    rows: list[Row]
    model: list[Child] = field(default_factory=list)
    rate: Rate = field(default_factory=lambda: Rate(0, 0, 0, 0))

    async def run(self, sizes: Sequence[int]) -> None:
        """Measure all at the first size, then what grows at the others."""
        first, *others = sizes
        keys = [place(number) for number in range(first)]
        empty = await self.empty()
        with self.step("Raw applies of the same objects") as step:
            await self.raw_rates(step)
        with self.step(f"{first} stores, the operator started cold") as step:
            await self.cold(keys, step)
        with self.step("At rest") as step:
            await self.calm(step)
            self.weigh(empty, first)
            await self.rest(step)
        with self.step("A deleted and an edited child") as step:
            self.rows += await repair.measure(
                self.admin, self.folder / fleet.OPERATOR_CONFIG, self.model, keys[:TRIALS], step
            )
        with self.step("SIGKILL and restart") as step:
            await self.killed(step)
        small = await self.burst(first)
        for number in others:
            await self.grow(number)
            self.weigh(empty, number)
            large = await self.burst(number)
            # The API server and the controllers slow down for raw applies as well: what the
            # operator adds of its own is the ratio of the two.
            grown, raw = large.seconds / small.seconds, large.raw / small.raw
            self.rows.append(
                Row(
                    f"a store of a burst at {number}, against one at {first}",
                    f"{small.seconds:.3f} s, then {large.seconds:.3f} s: {grown:.2f}",
                    f"raw applies: {small.raw:.3f} s, then {large.raw:.3f} s: {raw:.2f}",
                    f"{grown / raw:.2f}",
                    "less than 1.2",
                )
            )

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        with self.steps.step(name) as step:
            yield step

    async def empty(self) -> int:
        """Have the operator make the model store, and return its memory before that, in KiB."""
        with self.step("The model store") as step:
            if await self.admin.list("BookStore"):
                raise SystemExit("The bench's cluster is used; run `python3 -m cluster fleet`.")
            await self.stores.prepare([MODEL])
            self.operator.start()
            await self.calm(step)
            memory = self.operator.memory()
            mark = self.audit.mark()
            await self.stores.make([MODEL])
            await self.stores.wait_ready([MODEL], 120)
            await self.calm(step)
            creations = made(self.audit.since(mark))
            self.model = await recorded(self.admin, creations, *MODEL)
            self.operator.stop()
            step.result(f"{len(self.model)} children, {size(self.model)} bytes")
        return memory

    async def raw_rates(self, step: Step) -> None:
        """Find the best of several numbers of requests at once."""
        self.raw = Raw(self.account, self.admin, self.model, MODEL)
        rates = []
        for at_once in AT_ONCE:
            step.note(f"{ROUND} stores, {at_once} at once")
            rates.append(await self.raw.round(ROUND, at_once))
        self.rate = max(rates, key=lambda rate: rate.applied)
        told = ", ".join(f"{rate.applied:.1f} with {rate.at_once} at once" for rate in rates)
        step.result(f"stores/s: {told}")

    async def cold(self, keys: list[Key], step: Step) -> None:
        step.note("making the stores")
        await self.stores.prepare(keys)
        await self.stores.make(keys)
        importing = self.operator.importing()
        mark, start, began = self.audit.mark(), time.monotonic(), time.time()
        self.operator.start()
        step.note("waiting for the stores")
        ready = await self.wait_ready(keys, step, start)
        writes = self.audit.since(mark)
        children = len(keys) / (made(writes)[-1].at - began)
        rate = self.rate
        beside = f"raw applies, {rate.at_once} at once"
        self.rows += [
            Row(
                f"{len(keys)} stores cold, to all children present",
                f"{children:.2f} stores/s",
                f"{beside}: {rate.applied:.2f} stores/s",
                f"{children / rate.applied:.2f}",
                "at least 0.8",
            ),
            Row(
                f"{len(keys)} stores cold, to all Ready",
                f"{len(keys) / ready:.2f} stores/s",
                f"{beside}, to all Deployments available: {rate.ready:.2f} stores/s",
                f"{len(keys) / ready / rate.ready:.2f}",
                "at least 0.8",
            ),
        ]
        await self.calm(step)
        self.count(self.audit.since(mark), len(keys))
        cpu = (self.operator.cpu() - importing) / len(keys)
        self.rows.append(
            Row(
                "processor time for each store",
                f"{cpu * 1000:.1f} ms",
                f"{beside}: {rate.cpu * 1000:.1f} ms",
                f"{cpu / rate.cpu:.1f}",
            )
        )

    def count(self, writes: list[Write], stores: int) -> None:
        counts = by_sort(writes)
        events = counts.pop("Events", 0)
        told = ", ".join(f"{sort} {count / stores:.2f}" for sort, count in sorted(counts.items()))
        self.rows.append(
            Row(
                "writes for each store",
                f"{counts.total() / stores:.2f} ({told}), Events {events / stores:.2f}",
                f"children: {len(self.model)}",
                "",
                "at most children + 2, Events at most 1",
            )
        )

    async def rest(self, step: Step) -> None:
        step.note(f"listening for {REST_SECONDS} s")
        mark = self.audit.mark()
        share = await self.operator.share(REST_SECONDS)
        self.rows.append(
            Row(
                f"at rest for {REST_SECONDS} s",
                f"{len(self.audit.since(mark))} writes, {share:.2%} of a core",
                "",
                "",
                "0 writes, under 1 %",
            )
        )

    async def killed(self, step: Step) -> None:
        """Kill the operator; make a store before the next one starts."""
        await self.calm(step)
        mark = self.audit.mark()
        new = ("space-0", "shop-after-the-kill")
        await self.stores.prepare([new])
        self.operator.kill()
        importing = self.operator.importing()
        await self.stores.make([new])
        started = time.time()
        self.operator.start()
        step.note("waiting for the new store's children")
        first, last = await self.children_of(new, mark)
        await self.stores.wait_ready([new], 120)
        await self.calm(step)
        others = [write for write in self.audit.since(mark) if new[1] not in write.name]
        self.rows.append(
            Row(
                "restart after SIGKILL",
                f"{len(others)} writes to the others; a new store's first child after "
                f"{first - started:.2f} s, all after {last - started:.2f} s",
                f"importing it in Python, within that: {importing:.2f} s of processor time",
                "",
                "0 writes, 1 s",
            )
        )

    async def children_of(self, key: Key, mark: int) -> tuple[float, float]:
        """Return when a new store's first and last children were made, by the clock of the epoch.

        The last ones wait for its migration, which controllers and KWOK end.
        """
        wanted = len(self.model)
        while True:
            mine = [write for write in made(self.audit.since(mark)) if key[1] in write.name]
            if len(mine) >= wanted:
                return mine[0].at, mine[wanted - 1].at
            await asyncio.sleep(0.2)

    async def burst(self, present: int) -> Burst:
        """Add stores to those that are there, as many raw ones just before."""
        with self.step(f"A burst of {BURST} stores into {present}") as step:
            await self.calm(step)
            keys = [place(number, f"burst-{present}-") for number in range(BURST)]
            await self.stores.prepare(keys)
            step.note(f"{ROUND} stores raw")
            raw = await self.raw.round(ROUND, self.rate.at_once)
            mark, start, began = self.audit.mark(), time.monotonic(), time.time()
            await self.stores.make(keys)
            ready = await self.wait_ready(keys, step, start)
            took = made(self.audit.since(mark))[-1].at - began
            self.rows += [
                Row(
                    f"a burst of {BURST} into {present}, to all children present",
                    f"{BURST / took:.2f} stores/s",
                    f"raw applies, {raw.at_once} at once: {raw.applied:.2f} stores/s",
                    f"{BURST / took / raw.applied:.2f}",
                    "at least 0.8",
                ),
                Row(
                    f"a burst of {BURST} into {present}, to all Ready",
                    f"{BURST / ready:.2f} stores/s",
                    f"raw, to all Deployments available: {raw.ready:.2f} stores/s",
                    f"{BURST / ready / raw.ready:.2f}",
                    "at least 0.8",
                ),
            ]
        return Burst(took / BURST, 1 / raw.applied)

    async def grow(self, wanted: int) -> None:
        with self.step(f"Up to {wanted} stores") as step:
            keys = [place(number) for number in range(wanted)]
            new = [key for key in keys if key not in self.stores.ready]
            await self.stores.prepare(new)
            start = time.monotonic()
            await self.stores.make(new)
            await self.wait_ready(keys, step, start)
            await self.calm(step)

    def weigh(self, empty: int, present: int) -> None:
        """Note the memory with so many stores, beside that without any."""
        memory, stores = self.operator.memory(), len(self.stores.ready)
        self.rows.append(
            Row(
                f"resident memory with {present} stores",
                f"{memory / 1024:.0f} MiB",
                f"without any: {empty / 1024:.0f} MiB",
                f"{(memory - empty) / stores:.0f} KiB a store",
                "90 MB + 40 KB a store",
            )
        )

    async def wait_ready(self, keys: list[Key], step: Step, start: float) -> float:
        """Return the seconds from ``start`` until the last of these stores was ready."""

        async def tell() -> None:
            while True:
                ready = sum(key in self.stores.ready for key in keys)
                step.note(f"{ready} of {len(keys)} are ready")
                await asyncio.sleep(1)

        teller = asyncio.create_task(tell())
        try:
            within = 120 + STORE_SECONDS * len(keys)
            return await self.stores.wait_ready(keys, within) - start
        finally:
            teller.cancel()

    async def calm(self, step: Step) -> None:
        """Wait until the operator has nothing to do."""
        step.note("waiting until the operator is calm")
        while await self.operator.share(CALM_SECONDS) > CALM_SHARE:
            pass


async def listening() -> asyncio.Server:
    """Listen where the stores' databases are said to be: what asks for one finds a port open."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    return await asyncio.start_server(greet, "127.0.0.1", 0)


async def measure(folder: Path, sizes: Sequence[int], steps: Steps, rows: list[Row]) -> None:
    """Run the bench on the cluster whose folder this is; it is of no use afterwards.

    Rows are added as they are measured, so that a run that is broken off shows what it has.
    """
    account, admin = Api(folder / fleet.OPERATOR_CONFIG), Api(folder / fleet.ADMIN_CONFIG)
    operator = Operator(folder / fleet.OPERATOR_CONFIG, folder / "operator.log")
    async with account, admin, await listening() as databases:
        port = databases.sockets[0].getsockname()[1]
        stores = Population(admin, port)
        audit = Audit(folder / "audit" / fleet.AUDIT_LOG)
        bench = Bench(operator, account, admin, audit, stores, steps, folder, rows)
        following = asyncio.create_task(stores.follow())
        try:
            await bench.run(sizes)
        finally:
            following.cancel()
            operator.stop()
