"""``bookstore create-admin``."""

import os
import sys

import click
from pydantic import ValidationError

from bookstore.auth.forms import Registration
from bookstore.auth.moderation import Moderation
from bookstore.auth.service import LocalAuth
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.config import load_settings
from bookstore.core.db import Database
from bookstore.core.errors import NotFound

FIXES = {
    "email": "an email address, such as ana@example.com",
    "name": "a name of 2 to 80 characters",
    "password": "a password of 8 to 200 characters",
}


@click.command("create-admin")
@click.option("--email", required=True, help="The moderator's email address.")
@click.option("--name", default="Moderator", show_default=True, help="The name that is shown.")
def create_admin(email: str, name: str) -> None:
    """Make a person a moderator, opening their account if there is none.

    The password of a new account comes from ADMIN_PASSWORD, else it is asked for at a terminal,
    else it is the first line of standard input; never from the command line, which others on
    the machine can read. Who has an account keeps their password.
    """
    database = Database(load_settings())
    auth = LocalAuth(database, b"")
    moderation = Moderation(database, auth, LocalCatalogue(database))
    email = email.strip().lower()
    try:
        moderation.create_admin(email, name, None)
    except NotFound:
        typed = {"email": email, "name": name, "password": _password()}
        try:
            data = Registration.model_validate(typed)
        except ValidationError as invalid:
            field = str(invalid.errors(include_url=False)[0]["loc"][0])
            click.echo(f"bookstore: The {field} is not good; give {FIXES[field]}.", err=True)
            sys.exit(1)
        moderation.create_admin(data.email, data.name, data.password)
        click.echo(f"{email} has a new account and is a moderator.")
    else:
        click.echo(f"{email} is a moderator and keeps their password.")
    database.engine.dispose()


def _password() -> str:
    if given := os.environ.get("ADMIN_PASSWORD"):
        return given
    if at_terminal():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def at_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty()
