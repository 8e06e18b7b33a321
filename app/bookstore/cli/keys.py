"""``bookstore keys``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _file(command: F) -> F:
    return click.argument(
        "file", type=click.Path(path_type=Path, dir_okay=False), envvar="SERVICE_KEY_FILE"
    )(command)


@click.group()
def keys() -> None:
    """Make and rotate the keys by which services of the shop know one another.

    A rotation fails no request: add a key, and a minute later promote it; retire the old one when
    what it signed has ended, after ten minutes. Running services take each step over by themselves.
    """


@keys.command()
@_file
def create(file: Path) -> None:
    """Make FILE with a new key, unless it is there; by default SERVICE_KEY_FILE."""
    from bookstore.core.rpc import keys as files

    made = _done(lambda: files.create(file))
    click.echo(f"{file} has a new key." if made else f"{file} is there already.")


@keys.command()
@_file
def add(file: Path) -> None:
    """Add a new key to FILE, which is published and does not sign yet."""
    from bookstore.core.rpc import keys as files

    click.echo(f"{_done(lambda: files.add(file)).id} is published.")


@keys.command()
@_file
def promote(file: Path) -> None:
    """Let the newest key of FILE sign; the one before stays published."""
    from bookstore.core.rpc import keys as files

    click.echo(f"{_done(lambda: files.promote(file)).id} signs.")


@keys.command()
@_file
def retire(file: Path) -> None:
    """Remove all keys of FILE but the one that signs."""
    from bookstore.core.rpc import keys as files

    click.echo(f"{_done(lambda: files.retire(file))} keys are gone.")


T = TypeVar("T")


def _done(work: Callable[[], T]) -> T:
    # Cryptography takes a moment to import, which other commands need not wait for.
    from bookstore.core.rpc.keys import KeyFileInvalid

    try:
        return work()
    except (KeyFileInvalid, OSError) as failed:
        raise click.ClickException(str(failed)) from None
