"""``bookstore sweep``."""

import click

from bookstore.catalogue.coverfiles import Covers
from bookstore.core.config.settings import load_settings
from bookstore.core.services import service


@click.command()
def sweep() -> None:
    """Remove cover files that no book names, which a killed process leaves behind.

    A running server does the same once a day. A file younger than a day is left alone: its book
    may be about to be written. Nothing goes where the database names fewer than half of the
    covers' files, for then it is the wrong one, or waits for its backup.
    """
    # The shop's own modules make its metrics, for which ``serve`` names a folder first.
    from bookstore.catalogue.coversweep import Sweeper, SweepRefused
    from bookstore.standalone import make_shop

    try:
        removed = Sweeper(service(Covers, make_shop(load_settings()))).sweep()
    except SweepRefused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(f"{removed} files removed.")
