"""``bookstore keys``."""

import json
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

    A rotation fails no request: add a key, promote it, and retire the old one when what it signed
    has ended, after a minute, for auth after eleven. Running services take each step over by
    themselves; where replicas have copies of the file, each step has to be in all of them, as
    status tells, before the next.
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


@keys.command()
@_file
def status(file: Path) -> None:
    """Print as JSON the names of the key of FILE that signs, and of all that are published.

    Nothing of it is secret, and two copies of a file have the same.
    """
    from bookstore.core.rpc import keys as files

    signing, *others = (key.id for key in _done(lambda: files.read_keys(file)))
    click.echo(json.dumps({"signs": signing, "published": [signing, *others]}))


T = TypeVar("T")


def _done(work: Callable[[], T]) -> T:
    # Cryptography takes a moment to import, which other commands need not wait for.
    from bookstore.core.rpc.keys import KeyFileInvalid

    try:
        return work()
    except (KeyFileInvalid, OSError) as failed:
        raise click.ClickException(str(failed)) from None
