"""What can go wrong within a pass, beside the answers of the API server."""

from pydantic import ValidationError

from bookstore_operator.api.conditions import CONFLICT, INVALID, KIND_MISSING, WORKING
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.objects import Kind


class InvalidResourceError(OperatorError):
    """A spec is none that this operator understands."""

    reason = INVALID

    @classmethod
    def of(cls, root: object, error: ValidationError) -> "InvalidResourceError":
        """Turn the first fault of a spec into a sentence; values are left out."""
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(["spec", *map(str, fault["loc"])])
        return cls(f"{root}: {field}: {fault['msg']}; correct it, or update the operator")


class ConflictError(OperatorError):
    """A child's name is taken by an object that does not belong to the root."""

    reason = CONFLICT


class KindMissingError(OperatorError):
    """A kind that is wanted is not served by the cluster."""

    reason = KIND_MISSING

    @classmethod
    def of(cls, kind: Kind) -> "KindMissingError":
        """Return the error whose sentence says where to get a kind."""
        source = kind.provider or f"what serves {kind.api_version}"
        return cls(
            f"the cluster does not serve {kind.resource} in version {kind.version}; install "
            f"{source}, or take it out of the spec; all goes on by itself once it is served"
        )


class PendingError(OperatorError):
    """An object stands in the way that is about to go by itself."""

    reason = WORKING
