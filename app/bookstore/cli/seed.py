"""``bookstore seed``."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from bookstore.auth.service import LocalAuth
from bookstore.catalogue.samples import publish_samples
from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database
from bookstore.core.services import service

if TYPE_CHECKING:
    from flask import Flask

SELLERS = {
    "libreria.macondo@example.com": "Librería Macondo",
    "el.desvan@example.com": "El Desván de Clara",
    "paper.ships@example.com": "Paper Ships",
}


class SellerOption(click.ParamType[tuple[int, str]]):
    """An account and its public name, as ``7=Paper Ships``."""

    name = "ID=NAME"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        """Return id and name; what is neither fails as a wrong call."""
        number, _, name = value.partition("=")
        if not (number.isascii() and number.isdigit() and int(number) > 0 and name.strip()):
            self.fail(f"{value!r} is no seller; write one as 7=Paper Ships.", param, ctx)
        return int(number), name.strip()


@click.command()
@click.option(
    "--books",
    type=click.IntRange(0, 2_000_000),
    default=20,
    show_default=True,
    help="How many sample books there shall be.",
)
@click.option(
    "--seller",
    "sellers",
    type=SellerOption(),
    multiple=True,
    help="Where the catalogue is a service: an account that sells, as auth printed it.",
)
def seed(books: int, sellers: tuple[tuple[int, str], ...]) -> None:
    """Put sample books on sale; running it again adds only what is missing.

    Of three services, run it at auth first, which makes the sellers and prints each as ID=NAME,
    then at the catalogue with these as --seller.
    """
    settings = load_settings()
    at = settings.service
    if at == "orders":
        raise click.ClickException("Orders has no books; run seed at auth, then at the catalogue.")
    if sellers and at != "catalogue":
        raise click.UsageError("Only the catalogue as a service wants --seller; leave it out.")
    if at == "catalogue" and not sellers:
        raise click.UsageError(
            "The catalogue makes no accounts: give each line that `bookstore seed` prints at auth "
            "as --seller."
        )
    # Here, for what makes the app would slow down every other command.
    from bookstore.factory import create_app

    app = create_app(settings)
    selling = dict(sellers) if sellers else _accounts(app)
    if at == "auth":
        for number, name in selling.items():
            click.echo(f"{number}={name}")
        return
    published = publish_samples(service(Database, app), books, selling)
    click.echo(f"{published} sample books published, {books - published} were there.")


def _accounts(app: "Flask") -> Mapping[int, str]:
    auth = service(LocalAuth, app)
    return {_seller(auth, email, name): name for email, name in SELLERS.items()}


def _seller(auth: LocalAuth, email: str, name: str) -> int:
    known = auth.find(email)
    if known is not None:
        return known.id
    # Nobody logs in as a sample seller, so nobody knows the password.
    return auth.register(email, name, secrets.token_urlsafe(32))[0].id
