"""The mails of accounts, each sent by a job that names what it is about and nothing else.

The tokens of their links are made when a mail is sent, so that none is kept in a job.
"""

from collections.abc import Callable

from flask import current_app

from bookstore.auth import email_change, moderators, password_reset, registration
from bookstore.auth.email_change import EmailChange
from bookstore.auth.moderators import GOOD_DAYS, Moderators
from bookstore.auth.password_reset import PasswordReset
from bookstore.auth.registration import Registrations
from bookstore.core.config import Settings
from bookstore.core.i18n import gettext, in_language
from bookstore.core.jobs.kinds import Job, Lane
from bookstore.core.jobs.queue import Queue
from bookstore.core.mail import Mail, Mailer
from bookstore.core.services import service


def handle(queue: Queue) -> None:
    """Register what sends the mails of accounts."""
    kinds: dict[str, Callable[[Job], None]] = {
        registration.MAIL: _registration,
        password_reset.MAIL: _password_reset,
        email_change.MAIL: _email_change,
        email_change.NOTICE: _email_change_notice,
        moderators.MAIL: _invitation,
    }
    for kind, run in kinds.items():
        queue.handle(kind, run, lane=Lane.MAIL)


def _registration(job: Job) -> None:
    about = service(Registrations).mail(job.payload["registration"], job.payload["nonce"])
    if about is None:
        return
    with in_language(about.language):
        if about.token is None:
            text = gettext(
                "Hello.\n\n"
                "Somebody, probably you, wanted to open an account at BookStore with this email "
                "address. It has one already. Log in with it:\n\n%(login)s\n\n"
                "If you have forgotten the password, choose another one:\n\n%(reset)s\n\n"
                "If it was not you, do nothing: your account stays as it is.",
                login=_link("auth.login"),
                reset=_link("password_reset.ask"),
            )
        else:
            text = gettext(
                "Hello, %(name)s.\n\n"
                "Somebody, probably you, wants to open an account at BookStore with this email "
                "address. Open this address within a day and write the password that you "
                "chose:\n\n%(link)s\n\n"
                "If it was not you, do nothing: no account is opened.",
                name=about.name,
                link=_link("confirmation.confirm", about.token),
            )
        _send(about.email, gettext("Your account at BookStore"), text)


def _password_reset(job: Job) -> None:
    about = service(PasswordReset).mail(job.payload["account"])
    if about is None:
        return
    with in_language(about.language):
        text = gettext(
            "Hello.\n\n"
            "Somebody, probably you, asked for a new password for your account at BookStore. "
            "Open this address within an hour to choose it:\n\n%(link)s\n\n"
            "If it was not you, do nothing: your password stays as it is.",
            link=_link("password_reset.reset", about.token),
        )
        _send(about.email, gettext("Your new password at BookStore"), text)


def _email_change(job: Job) -> None:
    about = service(EmailChange).mails(int(job.payload["change"]))
    if about is None or about.is_done:
        return
    with in_language(about.language):
        if about.token is None:
            text = gettext(
                "Hello.\n\n"
                "Somebody, probably you, wants to use this email address for their account at "
                "BookStore. It has an account there already, so that it cannot become another's. "
                "Log in with it, or choose another address.\n\n"
                "If it was not you, do nothing: your account stays as it is."
            )
        else:
            text = gettext(
                "Hello.\n\n"
                "Somebody, probably you, wants to use this email address for their account at "
                "BookStore. Open this address within an hour to confirm it:\n\n%(link)s\n\n"
                "If it was not you, do nothing: then the account keeps the address that it has.",
                link=_link("email_change.confirm", about.token),
            )
        _send(about.email, gettext("Your new email address at BookStore"), text)


def _email_change_notice(job: Job) -> None:
    about = service(EmailChange).mails(int(job.payload["change"]))
    if about is None:
        return
    with in_language(about.language):
        text = gettext(
            "Hello.\n\n"
            "Somebody, probably you, who knows your password asked for another email address "
            "for your account at BookStore. It becomes the account's once the link that was "
            "sent there is confirmed, and then no more mail comes here.\n\n"
            "If it was not you, log in within the hour and change your password: "
            "then that link does not work any more."
        )
        _send(about.old_email, gettext("Your email address at BookStore"), text)


def _invitation(job: Job) -> None:
    about = service(Moderators).mail(job.payload["invitation"], job.payload["nonce"])
    if about is None:
        return
    with in_language(about.language):
        text = gettext(
            "Hello.\n\n"
            "You are invited to moderate the shop BookStore. Open this address within %(days)s "
            "days to accept:\n\n%(link)s\n\n"
            "If you do not want to, do nothing.",
            days=GOOD_DAYS,
            link=_link("invitation.accept", about.token),
        )
        _send(about.email, gettext("Moderate BookStore"), text)


def _link(endpoint: str, token: str | None = None) -> str:
    values = {} if token is None else {"token": token}
    path = current_app.url_map.bind("").build(endpoint, values)
    return f"{service(Settings).link_base}{path}"


def _send(email: str, subject: str, text: str) -> None:
    service(Mailer).send(Mail(email, subject, text))
