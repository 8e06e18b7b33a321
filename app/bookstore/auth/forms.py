"""What people type to register and to log in."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from bookstore.core.forms import Input, Line, refuse
from bookstore.core.i18n import lazy_gettext

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise refuse("email", lazy_gettext("Write an email address, such as ana@example.com."))
    return text.lower()


Email = Annotated[Line, StringConstraints(max_length=254), AfterValidator(_email)]
Password = Annotated[str, StringConstraints(strip_whitespace=False, min_length=8, max_length=200)]


class Registration(Input):
    """What a new person types."""

    email: Email
    name: Annotated[Line, StringConstraints(min_length=2, max_length=80)]
    password: Password


class Credentials(Input):
    """What a person types to log in."""

    email: Email
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]
