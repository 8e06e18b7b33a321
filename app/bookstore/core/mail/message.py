"""What a mail says, as the same sentences in HTML and in plain text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from flask import render_template

from bookstore.core.jobs.kinds import GiveUp
from bookstore.core.web.i18n import language


@dataclass(frozen=True)
class Button:
    """A link that the mail is about."""

    label: str
    url: str


@dataclass(frozen=True)
class Row:
    """A line of a list, such as a book and its price; the last ones may be a sum."""

    label: str
    value: str
    is_sum: bool = False


@dataclass(frozen=True)
class Mail:
    """A mail to one address, in the language that is spoken when it is written.

    :ivar paragraphs: what stands above the rows and the buttons.
    :ivar closing: what stands below.
    """

    to: str
    subject: str
    paragraphs: Sequence[str]
    rows: Sequence[Row] = ()
    buttons: Sequence[Button] = ()
    closing: Sequence[str] = ()


def compose(mail: Mail, sender: str, message_id: str) -> EmailMessage:
    """Return a mail as a message: plain text, with HTML as its alternative (RFC 2046).

    :param sender: such as ``BookStore <books@example.com>``.
    :raise GiveUp: when no header can hold the address.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _address(mail.to)
    # A book's title may hold anything, a header no line break.
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id
    # RFC 3834: no out-of-office reply, please.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(render_template("mail/mail.txt", mail=mail))
    message.add_alternative(render_template("mail/mail.html", mail=mail), subtype="html")
    # Not before: the content takes the place of all headers that begin as it does.
    message["Content-Language"] = language()
    return message


def _address(spec: str) -> Address:
    try:
        return Address(addr_spec=spec)
    except (MessageError, ValueError, IndexError):
        raise GiveUp("The address is none that a mail can be sent to.") from None
