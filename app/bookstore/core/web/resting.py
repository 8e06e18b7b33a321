"""What a reader is shown in the place of a service that is away, by one that is not.

Whatever leads requests to services by their paths gets these pages from another service when the
one that should have answered does not: with the shop's look, in the reader's language, and with
the moment to come back.
"""

from flask import Blueprint, Response, abort

from bookstore.core.api.scope import API_PREFIX
from bookstore.core.db.schema import DOMAINS
from bookstore.core.web.http import resting_page

PATH = "/resting"

blueprint = Blueprint("resting", __name__)


@blueprint.get(f"{PATH}/<domain>")
@blueprint.get(f"{API_PREFIX}{PATH}/<domain>")
def away(domain: str) -> Response:
    """Answer 503 in the place of a service.

    :raise 404: when it is none of the shop's.
    """
    if domain not in DOMAINS:
        abort(404)
    return resting_page(domain)
