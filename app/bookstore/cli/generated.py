"""What is generated from the code and committed: printed, or compared with what was committed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def check_option(command: F) -> F:
    """Add the option to compare with a file instead of printing."""
    return click.option(
        "--check",
        "committed",
        type=click.Path(path_type=Path),
        help="Print nothing; fail when this file is not what would be printed.",
    )(command)


def print_or_check(text: str, committed: Path | None, source: str) -> None:
    """Print a text, or fail where a file holds another.

    :param source: what the text is made from, for the sentence.
    """
    if committed is None:
        click.echo(text, nl=False)
    elif not committed.is_file() or committed.read_text(encoding="utf-8") != text:
        told = f"{committed} and {source} differ; run `make generate` and commit the result"
        click.echo(told, err=True)
        sys.exit(1)
