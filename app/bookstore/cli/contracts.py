"""``bookstore contracts``."""

import json
import sys
from pathlib import Path

import click

from bookstore.cli.generated import check_option, print_or_check
from bookstore.core.interfaces.contracts import CONTRACTS
from bookstore.core.rpc.openapi import document
from bookstore.core.rpc.schemas import breaks, described


@click.command()
@click.option(
    "--compatible-with",
    "before",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Print nothing; fail when services of the version that wrote this file and of this one "
    "could not call one another.",
)
@click.option(
    "--openapi",
    "domain",
    type=click.Choice(sorted(CONTRACTS)),
    help="Print what this service answers at its internal port as an OpenAPI document.",
)
@check_option
def contracts(before: Path | None, domain: str | None, committed: Path | None) -> None:
    """Print what services of the shop may ask of one another, as JSON Schemas."""
    if domain is not None:
        text = json.dumps(document(CONTRACTS[domain]), indent=1) + "\n"
        print_or_check(text, committed, "the contracts of core/interfaces")
        return
    today = described(CONTRACTS)
    if before is None:
        text = json.dumps(today, indent=1, sort_keys=True) + "\n"
        print_or_check(text, committed, "the contracts of core/interfaces")
        return
    found = list(breaks(json.loads(before.read_text(encoding="utf-8")), today))
    for sentence in found:
        click.echo(f"bookstore: {sentence}", err=True)
    if found:
        sys.exit(1)
