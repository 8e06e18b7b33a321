"""What can go wrong on the way to the wanted state: a reason each, and a sentence with the fix."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ValidationError

from bookstore_operator.api.status import Reason


class OperatorError(Exception):
    """Be the base of all; its text is a sentence for the person who owns the store.

    Attributes:
        reason: The reason of the condition that tells it.
    """

    reason: ClassVar[Reason]


class InvalidStoreError(OperatorError):
    """Tell that a spec is none that this operator understands."""

    reason = Reason.INVALID

    @classmethod
    def of(cls, key: object, error: ValidationError) -> "InvalidStoreError":
        """Turn the first fault of a spec into a sentence; values are left out."""
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(["spec", *map(str, fault["loc"])])
        return cls(f"BookStore {key}: {field}: {fault['msg']}; correct it, or update the operator")


class ConflictError(OperatorError):
    """Tell that a child's name is taken by an object that is not the store's."""

    reason = Reason.CONFLICT


class PendingError(OperatorError):
    """Tell that an object stands in the way that is about to go by itself."""

    reason = Reason.PROGRESSING


class ApiError(OperatorError):
    """Be the base of what the API server answers.

    Attributes:
        status: The HTTP status; 0 where no answer came.
        retry_after: Seconds that the server asked to wait, if it did.
    """

    reason = Reason.API_ERROR

    def __init__(self, sentence: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


class TransientApiError(ApiError):
    """Tell of a failure that passes by itself: 409, 429, 5xx, a timeout, a cut connection."""


class ExpiredError(TransientApiError):
    """Tell that a resource version is too old to go on from (410)."""


class AbsentError(ApiError):
    """Tell that the object is not there (404)."""


class QuotaExceededError(ApiError):
    """Tell that a quota of the namespace is used up (403)."""

    reason = Reason.QUOTA_EXCEEDED


class ForbiddenError(ApiError):
    """Tell that the operator lacks a right (403)."""

    reason = Reason.FORBIDDEN


class RefusedError(ApiError):
    """Tell that the API server refuses an object (400, 422)."""

    reason = Reason.INVALID


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
