"""``bookstore seed``."""

import secrets

import click

from bookstore.auth.service import LocalAuth
from bookstore.catalogue.samples import publish_samples
from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database
from bookstore.core.services import service

SELLERS = {
    "libreria.macondo@example.com": "Librería Macondo",
    "el.desvan@example.com": "El Desván de Clara",
    "paper.ships@example.com": "Paper Ships",
}


@click.command()
@click.option(
    "--books",
    type=click.IntRange(0, 2_000_000),
    default=20,
    show_default=True,
    help="How many sample books there shall be.",
)
def seed(books: int) -> None:
    """Put sample books on sale; running it again adds only what is missing."""
    # Here, for what makes the app would slow down every other command.
    from bookstore.factory import create_app

    settings = load_settings()
    if settings.service is not None:
        raise click.ClickException("Sample books want the whole shop; leave SERVICE out.")
    app = create_app(settings)
    database, auth = service(Database, app), service(LocalAuth, app)
    sellers = {_seller(auth, email, name): name for email, name in SELLERS.items()}
    published = publish_samples(database, books, sellers)
    click.echo(f"{published} sample books published, {books - published} were there.")


def _seller(auth: LocalAuth, email: str, name: str) -> int:
    known = auth.find(email)
    if known is not None:
        return known.id
    # Nobody logs in as a sample seller, so nobody knows the password.
    return auth.register(email, name, secrets.token_urlsafe(32))[0].id
