"""What can be wrong with a bucket, told apart, each with its fix."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as faults

from bookstore.core.backups.manifest import BackupFailed

DENIED = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "Forbidden",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "XAdminUserNotFound",
    }
)
"""Codes of S3, and versitygw's for a key that nobody has."""

FORBIDDEN = frozenset({401, 403})
ELSEWHERE = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect", "301"})
NOT_AS_SENT = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})
NO_KEYS = (
    faults.CredentialRetrievalError,
    faults.NoCredentialsError,
    faults.PartialCredentialsError,
)
CUT = (
    faults.IncompleteReadError,
    faults.ReadTimeoutError,
    faults.ResponseStreamingError,
    http.client.HTTPException,
    ConnectionError,
)


class S3Failed(BackupFailed):
    """The bucket cannot be used; the message says why and what to do."""


class S3Unreachable(S3Failed):
    """The server does not answer."""


class S3CertificateUntrusted(S3Failed):
    """The server's certificate is of an authority that we do not know."""


class S3AccessDenied(S3Failed):
    """The keys are missing or wrong, or may not do it."""


class S3BucketNotFound(S3Failed):
    """There is no such bucket."""


class S3ChecksumMismatch(S3Failed):
    """An object is not what was sent."""


@contextmanager
def explained(bucket: str, server: str) -> Iterator[None]:
    """Translate what the client raises into what it means for a bucket.

    :param server: how the server is called in sentences.
    :raise S3Failed: in place of all that the client raises.
    """
    try:
        yield
    except faults.ClientError as error:
        raise _refused(error, bucket, server) from error
    except faults.SSLError as error:
        # A connection that is cut within TLS is one of these too.
        if "certificate verify failed" not in str(error).lower():
            raise _silent(error, server) from error
        raise S3CertificateUntrusted(
            f"The certificate of {server} is not signed by an authority that is trusted; set "
            "S3_CA to the file with the right one."
        ) from error
    except NO_KEYS as error:
        raise S3AccessDenied(
            f"There are no keys for bucket {bucket}, and the pod has no identity of its own; set "
            "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY."
        ) from error
    except (faults.ConnectionError, faults.HTTPClientError, *CUT) as error:
        raise _silent(error, server) from error
    except faults.BotoCoreError as error:
        raise S3Failed(
            f"Bucket {bucket} cannot be used ({type(error).__name__}: {error})."
        ) from error


def code_of(error: faults.ClientError) -> str:
    """Return the code by which S3 refused."""
    return str(error.response.get("Error", {}).get("Code", "?"))


def _silent(error: Exception, server: str) -> S3Unreachable:
    return S3Unreachable(
        f"{server} does not answer ({type(error).__name__}); see that S3_ENDPOINT is right, and "
        "that its port can be reached from here."
    )


def _refused(error: faults.ClientError, bucket: str, server: str) -> S3Failed:
    code, action = code_of(error), error.operation_name
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code == "NoSuchBucket":
        return S3BucketNotFound(
            f"There is no bucket {bucket} at {server}; make it, or correct S3_BUCKET."
        )
    if code in DENIED or status in FORBIDDEN:
        return S3AccessDenied(
            f"Access to bucket {bucket} is denied ({code} to {action}); correct the keys, or "
            f"allow them {action}."
        )
    if code in NOT_AS_SENT:
        return S3ChecksumMismatch(
            f"{server} got other bytes than were sent ({code}); they are sent again with the next "
            "backup."
        )
    if code in ELSEWHERE:
        return S3Failed(f"Bucket {bucket} is of another region; correct S3_REGION.")
    return S3Failed(f"{server} refused {action} in bucket {bucket} ({code}).")
