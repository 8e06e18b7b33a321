"""What the API server's answers mean: a reason each, and a sentence with the fix."""

from collections.abc import Mapping
from typing import Any

from bookstore_operator.api.conditions import API_ERROR, FORBIDDEN, INVALID, QUOTA_EXCEEDED, Reason


class OperatorError(Exception):
    """The base of all; its text is a sentence for the person who owns the resource.

    Attributes:
        reason: The reason of the condition that tells it.
    """

    reason: Reason = API_ERROR


class ApiError(OperatorError):
    """The base of what the API server answers.

    Attributes:
        status: The HTTP status; 0 where no answer came.
        retry_after: Seconds that the server asked to wait, if it did.
    """

    def __init__(self, sentence: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


class TransientApiError(ApiError):
    """A failure that passes by itself: 409, 429, 5xx, a timeout, a cut connection."""


class ExpiredError(TransientApiError):
    """A resource version or a continue token is too old to go on from (410)."""


class AlreadyExistsError(TransientApiError):
    """An object of the name is there already (409)."""


class AbsentError(ApiError):
    """The object, or the kind, is not there (404)."""


class QuotaExceededError(ApiError):
    """A quota of the namespace is used up (403)."""

    reason = QUOTA_EXCEEDED


class ForbiddenError(ApiError):
    """The operator lacks a right (403)."""

    reason = FORBIDDEN


class RefusedError(ApiError):
    """The API server refuses an object (400, 403 by admission, 422)."""

    reason = INVALID


TRANSIENT = frozenset({0, 401, 408, 409, 429, 500, 502, 503, 504})


def from_response(
    action: str, status: int, body: Mapping[str, Any], retry_after: float | None = None
) -> ApiError:
    """Return the error that an answer of the API server means.

    Args:
        action: What was tried, as ``apply Deployment ns/name``.
        status: The HTTP status; 0 where none came.
        body: The ``Status`` object of the answer; its message names no secret values.
        retry_after: Seconds that the server asked to wait, if it did.

    Source: Kubernetes API conventions, "HTTP Status codes".
    """
    message = str(body.get("message") or f"HTTP {status}").strip().rstrip(".")
    if status == 404:
        return AbsentError(f"cannot {action}: {message}", status)
    if status == 409 and body.get("reason") == "AlreadyExists":
        return AlreadyExistsError(f"cannot {action}: {message}", status)
    if status == 410:
        return ExpiredError(f"cannot {action}: {message}", status)
    if status == 403:
        return _forbidden(action, message)
    if status in TRANSIENT or status >= 500:
        sentence = f"cannot {action}: {message}; the operator tries again"
        return TransientApiError(sentence, status, retry_after)
    return RefusedError(f"the API server refused to {action}: {message}; correct the spec", status)


def _forbidden(action: str, message: str) -> ApiError:
    if "exceeded quota" in message:
        fix = "raise the quota or free what it counts"
        return QuotaExceededError(f"cannot {action}: {message}; {fix}", 403)
    if "being terminated" in message:
        return TransientApiError(f"cannot {action}: {message}", 403)
    if "cannot" in message and "resource" in message:
        fix = "grant it in the ClusterRole bookstore-operator"
        return ForbiddenError(f"cannot {action}: {message}; {fix}", 403)
    return RefusedError(f"the API server refused to {action}: {message}; correct the spec", 403)
