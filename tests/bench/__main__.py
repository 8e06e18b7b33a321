"""Print what the operator costs beside a floor and a peer: `make bench`.

Each part measures both in the same run on the same machine, so that the ratio means something on
any machine; the seconds alone do not. Nothing here passes or fails by the clock.
"""

from __future__ import annotations

import argparse
import asyncio

from cluster import fleet as simulated
from cluster.settings import from_environment
from cluster.steps import Steps
from tests.bench import fleet, second
from tests.bench.figures import Row, table
from tests.cluster.support.kube import Kube, node_images

STORES = 500


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    top.add_argument(
        "--stores",
        type=int,
        nargs="+",
        default=[STORES],
        metavar="N",
        help="how many stores are present, growing: at the first all is measured, "
        "at the others a burst and the memory (default: 500)",
    )
    top.add_argument("--only", choices=["fleet", "second"], help="run one part alone")
    return top


def main() -> None:
    chosen = parser().parse_args()
    steps = Steps(every=1.5)
    rows: list[Row] = []
    try:
        if chosen.only != "fleet":
            rows += second_store(steps)
        if chosen.only != "second":
            folder = simulated.settings_of(from_environment()).state
            asyncio.run(fleet.measure(folder, sorted(chosen.stores), steps, rows))
    finally:
        print(f"\n{table(rows)}", flush=True)


def second_store(steps: Steps) -> list[Row]:
    with steps.step("A second store, with real pods") as step:
        return second.run(Kube(), node_images(), step)


if __name__ == "__main__":
    main()
