"""The command line: ``kubectl bookstore COMMAND``."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from kubectl_bookstore.cluster import Cluster
from kubectl_bookstore.commands import COMMANDS
from kubectl_bookstore.errors import CommandError
from kubectl_bookstore.objects import SERVICES

NAMED = ("pause", "resume", "hibernate", "open", "logs", "rollback", "backup", "restore")
OPTIONAL = ("status", "doctor")


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and return the exit code: 2 where it cannot be done."""
    asked = parser().parse_args(arguments)
    try:
        cluster = Cluster.connect(asked.kubeconfig, asked.context)
        return COMMANDS[asked.command].run(cluster, asked)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    whole = ArgumentParser(
        prog="kubectl bookstore",
        description="Say and do what a BookStore needs.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for called, choice in COMMANDS.items():
        one = commands.add_parser(called, help=choice.help, description=choice.help)
        if called in NAMED:
            one.add_argument("name", help="the store")
        elif called in OPTIONAL:
            one.add_argument("name", nargs="?", help="the store; all of the namespace without it")
        one.add_argument("-n", "--namespace", help="where; the context's namespace without it")
        one.add_argument("--context", help="the context of the kubeconfig")
        one.add_argument("--kubeconfig", help="the kubeconfig")
        one.add_argument(
            "--operator-namespace", default="bookstore-system", help="where the operator runs"
        )
        _own(one, called)
    return whole


def _own(one: ArgumentParser, called: str) -> None:
    """Add what a command alone knows."""
    if called in {*OPTIONAL, "must-gather"}:
        one.add_argument("-A", "--all-namespaces", action="store_true", help="in all namespaces")
    if called == "open":
        one.add_argument("--print", action="store_true", help="open no browser")
    if called == "logs":
        one.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
        one.add_argument("-p", "--previous", action="store_true", help="of containers that ended")
        one.add_argument("--tail", type=int, default=100, help="lines of each pod (100)")
    if called == "must-gather":
        one.add_argument("-o", "--output", help="the tar's path")
    if called == "rollback":
        one.add_argument("--image", help="this image; the last good one without it")
        one.add_argument("--service", choices=SERVICES, help="of a store that runs as services")
    if called == "restore":
        one.add_argument(
            "--backup", required=True, help="a BookStoreBackup, a backup's name, or latest"
        )
        one.add_argument("--from-store", help="whose backup; the store's own without it")
        one.add_argument(
            "--from-s3",
            action="store_true",
            help="out of the bucket of spec.backup.s3; of --from-store's, if that one has such",
        )
        one.add_argument(
            "--replace", action="store_true", help="the rows that the store has now may go"
        )


if __name__ == "__main__":
    sys.exit(main())
