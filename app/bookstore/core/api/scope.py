"""Which requests are the API's: they are answered in JSON and no cookie of theirs is read."""

from flask import has_request_context, request

API_PREFIX = "/api"
API_ROOT = f"{API_PREFIX}/v1"


def in_api() -> bool:
    """Return whether the running request is for the API, whatever it finds there."""
    if not has_request_context():
        return False
    return request.path == API_PREFIX or request.path.startswith(f"{API_PREFIX}/")
