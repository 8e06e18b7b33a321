"""``bookstore moderators``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
from pydantic import ValidationError

from bookstore.auth.forms import ResetRequest
from bookstore.auth.invitations import GOOD_DAYS, Invitations
from bookstore.auth.moderation import NothingToDo
from bookstore.auth.moderators import LastModerator, Moderators
from bookstore.auth.service import LocalAuth
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.services import service
from bookstore.core.web.i18n import DEFAULT_LANGUAGE, LANGUAGES


@click.group()
def moderators() -> None:
    """Invite, list and demote the people who moderate the shop."""


@moderators.command()
@click.argument("email")
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    default=DEFAULT_LANGUAGE,
    show_default=True,
    help="The mail's language, for who has no account yet.",
)
def invite(email: str, language: str) -> None:
    """Invite whoever reads mail at EMAIL to moderate.

    Where the shop sends mail, a link goes there; else it is printed, to be handed over. Whoever
    opens it within three days chooses a new password, or accepts in a session of the account.
    """
    email = _address(email)
    with _shop() as settings:
        found = service(Invitations)
        try:
            invitation_id = found.invite(None, email, None, language)
        except NothingToDo:
            _refuse(f"{email} moderates already, or is suspended.")
        if settings.sends_mail:
            click.echo(f"An invitation is on its way to {email}; it is good for {GOOD_DAYS} days.")
            return
        about = found.mail(invitation_id)
        token = about.token if about is not None else ""
        click.echo(f"Give this link to {email}; it is good once, for {GOOD_DAYS} days:")
        click.echo(f"{settings.link_base}/auth/invitation/{token}")


@moderators.command("list")
def list_all() -> None:
    """List who moderates, and who is invited to."""
    with _shop():
        for account in service(Moderators).all():
            state = "suspended" if account.suspended_at else "moderates"
            click.echo(f"{account.email}\t{account.name}\t{state}")
        for invitation in service(Invitations).all():
            click.echo(f"{invitation.email}\t\tinvited")


@moderators.command()
@click.argument("email")
@click.option("--force", is_flag=True, help="Also the last one, so that nobody moderates.")
def demote(email: str, force: bool) -> None:
    """Make the moderator EMAIL an account like any other, or take their invitation back."""
    email = _address(email)
    with _shop():
        invitations = service(Invitations)
        for invitation in invitations.all():
            if invitation.email == email:
                invitations.withdraw(None, invitation.id)
                click.echo(f"The invitation of {email} is withdrawn.")
                return
        account = service(LocalAuth).find(email)
        if account is None:
            _refuse(f"{email} does not moderate.")
        try:
            service(Moderators).demote(None, account.id, None, force=force)
        except NothingToDo:
            _refuse(f"{email} does not moderate.")
        except LastModerator:
            _refuse(f"{email} is the last moderator; invite another one first, or add --force.")
        click.echo(f"{email} is no longer a moderator.")


@contextmanager
def _shop() -> Iterator[Settings]:
    # Here, for what makes the app would slow down every other command.
    from bookstore.standalone import make_shop

    settings = load_settings()
    app = make_shop(settings)
    with app.app_context():
        yield settings
    service(Database, app).dispose()


def _address(email: str) -> str:
    try:
        return ResetRequest.model_validate({"email": email}).email
    except ValidationError:
        _refuse(f'"{email}" is no email address; write one, such as ana@example.com.')


def _refuse(sentence: str) -> NoReturn:
    click.echo(f"bookstore: {sentence}", err=True)
    sys.exit(1)
