"""The command line: verbs and flags, and errors as one sentence."""

import argparse
import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from cluster import settings
from cluster.errors import ClusterError
from cluster.install import TOPOLOGIES
from cluster.steps import Steps
from cluster.up import Verbs

INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence that says where the help is."""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and end with exit code 2."""
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see `python3 -m cluster --help`.\n")


def parser() -> Parser:
    """Give the parser of all verbs."""
    top = Parser(prog="python3 -m cluster", description="The local cluster of BookStore.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    up = verbs.add_parser("up", help="from nothing to a shop: cluster, operator, a store, its URL")
    up.add_argument(
        "--for-tests",
        action="store_true",
        help="stop before the sample store; tests make their own",
    )
    up.add_argument(
        "--topology",
        choices=TOPOLOGIES,
        help="run the sample store as one shop or as three services; by default as it runs",
    )
    images = verbs.add_parser("images", help="build the images and put them onto the nodes")
    images.add_argument("--only", choices=["mysql"], help="build this image alone, for no cluster")
    fleet = verbs.add_parser("fleet", help="make the bench's cluster of simulated nodes anew")
    fleet.add_argument("--delete", action="store_true", help="delete it instead")
    verbs.add_parser("compose", help="give Docker's client its compose plugin where it has none")
    verbs.add_parser("down", help="delete the cluster and its data; caches stay")
    verbs.add_parser("demo-data", help="put twenty books into the sample store")
    verbs.add_parser("status", help="show nodes and stores")
    return top


def hold_alone(cache: Path) -> None:
    """Hold the cache until this process ends; raises ClusterError when another one does."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(cache / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ClusterError(
            "Another `python3 -m cluster` is at work on this machine; wait until it ends."
        ) from None


def main(arguments: Sequence[str]) -> int:
    """Run one verb and give the exit code: 0, 1 for an error, 2 for a wrong call, 130."""
    chosen = parser().parse_args(arguments)
    try:
        environment = settings.from_environment()
        verbs = Verbs(environment, Steps())
        if chosen.verb != "status":
            hold_alone(environment.cache)
        if chosen.verb == "up":
            verbs.up(for_tests=chosen.for_tests, topology=chosen.topology)
        elif chosen.verb == "images":
            verbs.images(only=chosen.only)
        elif chosen.verb == "fleet":
            verbs.fleet(delete=chosen.delete)
        else:
            {
                "compose": verbs.compose,
                "down": verbs.down,
                "demo-data": verbs.demo_data,
                "status": verbs.status,
            }[chosen.verb]()
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    return 0
