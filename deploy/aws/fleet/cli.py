"""The command line: verbs and flags, and errors as one sentence."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws.fleet import doctor, environment
from deploy.aws.fleet.errors import FleetError
from deploy.aws.fleet.verbs import Verbs

INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence that says where the help is."""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and end with exit code 2."""
        told = f"{message[:1].upper()}{message[1:]}"
        self.exit(2, f"{told}; see `python -m deploy.aws.fleet --help`.\n")


def parser() -> Parser:
    """Give the parser of all verbs."""
    top = Parser(prog="python -m deploy.aws.fleet", description="BookStore's fleet on AWS.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    for name, told in (
        ("up", "make or change the fleet: shows each change set and asks"),
        ("down", "end the fleet, and say what data stays"),
        ("doctor", "check account and settings, and change nothing"),
        ("rotate", "give the shop's login at the database a new password, by a deploy"),
    ):
        verb = verbs.add_parser(name, help=told)
        verb.add_argument("environment", metavar="ENV", help="such as qa, for qa.yaml")
        verb.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter"
        )
        if name != "doctor":
            verb.add_argument("--yes", action="store_true", help="do not ask")
    return top


def main(arguments: Sequence[str]) -> int:
    """Run one verb and give the exit code: 0, 1 for an error, 2 for a wrong call, 130."""
    chosen = parser().parse_args(arguments)
    try:
        # What ends a fleet needs no image.
        whole = chosen.verb != "down"
        settings = environment.load(chosen.environment, chosen.set, whole=whole)
        if chosen.verb == "doctor":
            return 0 if doctor.report(settings, say) else 1
        verbs = Verbs(settings, say, (lambda _: True) if chosen.yes else ask)
        {"up": verbs.up, "down": verbs.down, "rotate": verbs.rotate}[chosen.verb]()
    except FleetError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; AWS goes on with what has begun, and so does the same command.",
              file=sys.stderr)  # fmt: skip
        return INTERRUPTED
    return 0


def say(text: str) -> None:
    """Print a line at once, whoever reads."""
    print(text, flush=True)


def ask(question: str) -> bool:
    """Ask at a terminal; whoever cannot answer has not said yes."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        say("")
        return False
