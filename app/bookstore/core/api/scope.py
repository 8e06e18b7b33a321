"""Which requests are the API's: they are answered in JSON and no cookie of theirs is read."""

from flask import request

API_PREFIX = "/api"
API_ROOT = f"{API_PREFIX}/v1"


def in_api() -> bool:
    """Return whether the running request is for the API, whatever it finds there."""
    return request.path == API_PREFIX or request.path.startswith(f"{API_PREFIX}/")
