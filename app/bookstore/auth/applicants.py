"""Who registers, by a page or by the API."""

from flask import request

from bookstore.auth.forms import Registration
from bookstore.auth.registration import Applicant
from bookstore.core.web.i18n import language
from bookstore.core.web.timezones import chosen_zone


def applicant_of(data: Registration) -> Applicant:
    """Return who registers by the running request."""
    return Applicant(
        email=data.email,
        name=data.name,
        password=data.password,
        language=language(),
        time_zone=chosen_zone(),
        address=request.remote_addr or "",
    )
