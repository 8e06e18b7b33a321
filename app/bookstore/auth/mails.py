"""The mails of accounts, each sent by a job that names what it is about and nothing else.

The tokens of their links are made when a mail is sent, so that none is kept in a job.
"""

from collections.abc import Callable

from bookstore.auth import email_change, invitations, password_reset, registration
from bookstore.auth.email_change import EmailChange
from bookstore.auth.invitations import GOOD_DAYS, Invitations
from bookstore.auth.password_reset import PasswordReset
from bookstore.auth.registration import Registrations
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue
from bookstore.core.mail.mailer import Mailer, handle_mail, link
from bookstore.core.mail.message import Button, Mail
from bookstore.core.services import service
from bookstore.core.web.i18n import gettext, in_language


def handle(queue: Queue) -> None:
    """Register what sends the mails of accounts."""
    kinds: dict[str, Callable[[Job], None]] = {
        registration.MAIL: _registration,
        password_reset.MAIL: _password_reset,
        email_change.MAIL: _email_change,
        email_change.NOTICE: _email_change_notice,
        invitations.MAIL: _invitation,
    }
    for kind, run in kinds.items():
        handle_mail(queue, kind, run)


def _registration(job: Job) -> None:
    about = service(Registrations).mail(job.payload["registration"], job.payload["nonce"])
    if about is None:
        return
    with in_language(about.language):
        if about.token is None:
            mail = Mail(
                about.email,
                gettext("Your account at BookStore"),
                [
                    gettext(
                        "Somebody, probably you, wanted to open an account at BookStore with "
                        "this email address. It has one already."
                    ),
                ],
                buttons=[
                    Button(gettext("Log in"), link("auth.login")),
                    Button(gettext("Choose a new password"), link("password_reset.ask")),
                ],
                closing=[gettext("If it was not you, do nothing: your account stays as it is.")],
            )
        else:
            mail = Mail(
                about.email,
                gettext("Your account at BookStore"),
                [
                    gettext("Hello, %(name)s.", name=about.name),
                    gettext(
                        "Somebody, probably you, wants to open an account at BookStore with this "
                        "email address. Confirm it within a day with the password that you chose."
                    ),
                ],
                buttons=[
                    Button(
                        gettext("Confirm the address"),
                        link("confirmation.confirm", token=about.token),
                    )
                ],
                closing=[gettext("If it was not you, do nothing: no account is opened.")],
            )
        service(Mailer).send(mail, job)


def _password_reset(job: Job) -> None:
    about = service(PasswordReset).mail(job.payload["account"])
    if about is None:
        return
    with in_language(about.language):
        mail = Mail(
            about.email,
            gettext("Your new password at BookStore"),
            [
                gettext("Hello, %(name)s.", name=about.name),
                gettext(
                    "Somebody, probably you, asked for a new password for your account at "
                    "BookStore. Choose it within an hour."
                ),
            ],
            buttons=[
                Button(
                    gettext("Choose a new password"),
                    link("password_reset.reset", token=about.token),
                )
            ],
            closing=[gettext("If it was not you, do nothing: your password stays as it is.")],
        )
        service(Mailer).send(mail, job)


def _email_change(job: Job) -> None:
    about = service(EmailChange).mails(int(job.payload["change"]))
    if about is None or about.is_done:
        return
    with in_language(about.language):
        subject = gettext("Your new email address at BookStore")
        wanted = gettext(
            "Somebody, probably you, wants to use this email address for their account at "
            "BookStore."
        )
        if about.token is None:
            mail = Mail(
                about.email,
                subject,
                [
                    wanted,
                    gettext(
                        "It has an account there already, so that it cannot become another's. "
                        "Log in with it, or choose another address."
                    ),
                ],
                closing=[gettext("If it was not you, do nothing: your account stays as it is.")],
            )
        else:
            mail = Mail(
                about.email,
                subject,
                [wanted, gettext("Confirm it within an hour.")],
                buttons=[
                    Button(
                        gettext("Confirm the address"),
                        link("email_change.confirm", token=about.token),
                    )
                ],
                closing=[
                    gettext(
                        "If it was not you, do nothing: then the account keeps the address that "
                        "it has."
                    )
                ],
            )
        service(Mailer).send(mail, job)


def _email_change_notice(job: Job) -> None:
    about = service(EmailChange).mails(int(job.payload["change"]))
    if about is None:
        return
    with in_language(about.language):
        mail = Mail(
            about.old_email,
            gettext("Your email address at BookStore"),
            [
                gettext("Hello, %(name)s.", name=about.name),
                gettext(
                    "Somebody, probably you, who knows your password asked for another email "
                    "address for your account at BookStore. It becomes the account's once the "
                    "link that was sent there is confirmed, and then no more mail comes here."
                ),
            ],
            closing=[
                gettext(
                    "If it was not you, log in within the hour and change your password: "
                    "then that link does not work any more."
                )
            ],
        )
        service(Mailer).send(mail, job)


def _invitation(job: Job) -> None:
    about = service(Invitations).mail(job.payload["invitation"], job.payload["nonce"])
    if about is None:
        return
    with in_language(about.language):
        mail = Mail(
            about.email,
            gettext("Moderate BookStore"),
            [
                gettext(
                    "You are invited to moderate the shop BookStore. Accept within %(days)s days.",
                    days=GOOD_DAYS,
                )
            ],
            buttons=[
                Button(
                    gettext("Accept the invitation"), link("invitation.accept", token=about.token)
                )
            ],
            closing=[gettext("If you do not want to, do nothing.")],
        )
        service(Mailer).send(mail, job)
