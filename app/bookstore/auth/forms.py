"""What people type about their accounts and addresses, and what moderators type."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from bookstore.core.web.forms import (
    City,
    Country,
    Input,
    Line,
    PersonName,
    Phone,
    PostalCode,
    Region,
    ShortLine,
    Street,
    refuse,
)
from bookstore.core.web.i18n import lazy_gettext

LONGEST_EMAIL = 254
# An address of the longest kind, signed: its four bytes a letter are six in a link.
LONGEST_TOKEN = 2000

# Without the characters that separate or quote addresses in a mail's header (RFC 5322, 3.4).
_PART = r"[^@\s,;:<>()\[\]\\\"]"
_EMAIL = re.compile(rf"{_PART}{{1,64}}@(?:(?!\.){_PART})+(?:\.(?:(?!\.){_PART})+)+")
_PHONE = re.compile(r"\+?[0-9 ().-]{5,}")


def _email(text: str) -> str:
    # In lower case first: a letter's small form can be longer than the letter.
    lower = text.lower()
    if len(lower) > LONGEST_EMAIL or not _EMAIL.fullmatch(lower):
        raise refuse("email", lazy_gettext("Write an email address, such as ana@example.com."))
    return lower


def _phone(text: str) -> str:
    if text and not _PHONE.fullmatch(text):
        raise refuse("phone", lazy_gettext("Write a phone number, such as +57 300 123 4567."))
    return text


Email = Annotated[
    Line,
    StringConstraints(max_length=LONGEST_EMAIL),
    AfterValidator(_email),
    Field(json_schema_extra={"pattern": f"^{_EMAIL.pattern}$"}),
]
Name = Annotated[Line, StringConstraints(min_length=2, max_length=80)]
Password = Annotated[str, StringConstraints(strip_whitespace=False, min_length=8, max_length=200)]
Token = Annotated[str, StringConstraints(max_length=LONGEST_TOKEN)]


class Registration(Input):
    """What a new person types."""

    email: Email
    name: Name
    password: Password


class Credentials(Input):
    """What a person types to log in."""

    email: Email
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]


class Profile(Input):
    """What a person changes of their profile; what is left out stays as it is."""

    name: Name
    language: Literal["es", "en"] | None = Field(None, description="The language of mails.")


class PasswordChange(Input):
    """The password that a person has, and the one that they want."""

    old_password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]
    password: Password


class ResetRequest(Input):
    """Whose password is forgotten."""

    email: Email


class NewPassword(Input):
    """The password that a person wants."""

    password: Password


class ConfirmationPassword(Input):
    """The password that was typed at the registration."""

    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]


class Confirmation(ConfirmationPassword):
    """The token from the mail's link, and the password of the registration."""

    token: Token


class PasswordResetInput(NewPassword):
    """The token from the mail's link, and the password that its holder wants."""

    token: Token


class EmailChangeInput(Credentials):
    """The email address that a person wants, and the password that they have."""


class EmailConfirmation(Input):
    """The token from the mail's link."""

    token: Token


class NewModerator(NewPassword):
    """The name and password of somebody who was invited and has no account."""

    name: Name


class Reason(Input):
    """Why a moderator does something; only moderators read it."""

    reason: Annotated[Line, StringConstraints(min_length=3, max_length=500)]


class Verdict(Reason):
    """What a moderator does, and why."""

    action: Literal["suspend", "restore", "demote"]


class InvitationInput(Reason):
    """Whom a moderator invites to moderate, and why."""

    email: Email


class AddressInput(Input):
    """Where an order goes; the columns of an address that its owner decides."""

    recipient: PersonName
    line1: Street
    line2: ShortLine = ""
    city: City
    region: Region = ""
    postal_code: PostalCode = ""
    country: Country
    phone: Annotated[Phone, AfterValidator(_phone)] = ""
