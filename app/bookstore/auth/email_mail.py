"""The mails of a changed email address: a link to the new one, a notice to the old one."""

from flask import request, url_for

from bookstore.auth.email_change import Letters, email_change
from bookstore.auth.links import link_base
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import Account


def send_change(account: Account, email: str, password: str) -> None:
    """Send the link to the new address of an account and the notice to the old one.

    :raise SameEmail: when the account has that address.
    :raise WrongCredentials: when the password is wrong.
    :raise TooManyAttempts: to guess it, or after some mails for the account or to the address.
    """
    base = link_base()
    letters = _letters(f"{base}{url_for('email.ask')}") if base is not None else None
    email_change().ask(account, email, password, request.remote_addr or "", letters)


def _letters(links: str) -> Letters:
    return Letters(
        links=links,
        subject=gettext("Your new email address at BookStore"),
        link_text=gettext(
            "Hello.\n\n"
            "Somebody, probably you, wants to use this email address for their account at "
            "BookStore. Open this address within an hour to confirm it:\n\n%(link)s\n\n"
            "If it was not you, do nothing: then the account keeps the address that it has."
        ),
        taken_text=gettext(
            "Hello.\n\n"
            "Somebody, probably you, wants to use this email address for their account at "
            "BookStore. It has an account there already, so that it cannot become another's. "
            "Log in with it, or choose another address.\n\n"
            "If it was not you, do nothing: your account stays as it is."
        ),
        notice_subject=gettext("Your email address at BookStore"),
        notice_text=gettext(
            "Hello.\n\n"
            "Somebody, probably you, who knows your password asked for another email address "
            "for your account at BookStore. It becomes the account's once the link that was "
            "sent there is confirmed, and then no more mail comes here.\n\n"
            "If it was not you, log in within the hour and change your password: "
            "then that link does not work any more."
        ),
    )
