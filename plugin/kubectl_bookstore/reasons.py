"""What each reason that the operator knows means, and what to do about it."""

import functools
import json
from importlib.resources import files
from typing import NamedTuple

UNKNOWN = "This plugin does not know the reason; update it, and see the message."


class Reason(NamedTuple):
    """What a reason means, and what helps."""

    meaning: str
    fix: str


@functools.cache
def reasons() -> dict[str, Reason]:
    """Return all reasons by name; the table is generated from the operator."""
    table = json.loads(files(__package__).joinpath("reasons.json").read_text("utf-8"))
    return {name: Reason(one["meaning"], one["fix"]) for name, one in table.items()}


def fix(reason: str) -> str:
    """Return what to do about a reason."""
    known = reasons().get(reason)
    return known.fix if known else UNKNOWN
