"""The mail with the link of a password reset."""

from flask import request, url_for

from bookstore.auth.links import link_base
from bookstore.auth.recovery import recovery
from bookstore.core.i18n import gettext
from bookstore.core.mail import Mail


def send_link(email: str) -> None:
    """Send a person the link to a new password, in the language of the request.

    :raise TooManyAttempts: for known and unknown people alike.
    """
    base = link_base()
    if base is None:
        return
    # All of the text is ready before anybody looks whether there is such a person.
    subject = gettext("Your new password at BookStore")
    text = gettext(
        "Hello.\n\n"
        "Somebody, probably you, asked for a new password for your account at BookStore. "
        "Open this address within an hour to choose it:\n\n%(link)s\n\n"
        "If it was not you, do nothing: your password stays as it is."
    )
    path = url_for("recovery.ask")

    def compose(token: str) -> Mail:
        return Mail(email, subject, text % {"link": f"{base}{path}/{token}"})

    recovery().ask(email, request.remote_addr or "", compose)
