"""What keeps the shop from its database, in a few fixed words.

The words are for probes and for who watches over the shop: they name no address, user or value, and
each has another fix.
"""

import ssl
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bookstore.core.db.engine import READ_ONLY_SERVER, error_code


class Obstacle(StrEnum):
    """What is in the way, as it is told."""

    UNREACHABLE = "database unreachable"
    ACCESS_DENIED = "database access denied"
    SCHEMA_UNKNOWN = "database schema unknown"
    READ_ONLY = "database read-only"
    CERTIFICATE_UNTRUSTED = "database certificate untrusted"
    CERTIFICATE_EXPIRED = "database certificate expired"
    CERTIFICATE_OF_ANOTHER = "database certificate of another name"
    TLS_MISSING = "database without TLS"
    TLS_WANTED = "database wants TLS"
    TLS_FAILED = "database TLS failed"


# ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_HOST_NOT_PRIVILEGED, ER_TABLEACCESS_DENIED,
# ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_MUST_CHANGE_PASSWORD(_LOGIN), ER_ACCOUNT_HAS_BEEN_LOCKED.
_DENIED = (1044, 1045, 1130, 1142, 1698, 1820, 1862, 3118, 4151)
BAD_DATABASE, SECURE_TRANSPORT_REQUIRED, SSL_CONNECTION_ERROR = 1049, 3159, 2026
_OF_CODE = {
    **dict.fromkeys(_DENIED, Obstacle.ACCESS_DENIED),
    **dict.fromkeys(READ_ONLY_SERVER, Obstacle.READ_ONLY),
    BAD_DATABASE: Obstacle.SCHEMA_UNKNOWN,
    SECURE_TRANSPORT_REQUIRED: Obstacle.TLS_WANTED,
    SSL_CONNECTION_ERROR: Obstacle.TLS_MISSING,
}
# X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH,
# X509_V_ERR_IP_ADDRESS_MISMATCH.
_OF_CERTIFICATE = {
    9: Obstacle.CERTIFICATE_EXPIRED,
    10: Obstacle.CERTIFICATE_EXPIRED,
    62: Obstacle.CERTIFICATE_OF_ANOTHER,
    64: Obstacle.CERTIFICATE_OF_ANOTHER,
}


def obstacle_of(error: SQLAlchemyError) -> Obstacle:
    """Return what an error on the way to the database means; a server that is away by default."""
    driver = getattr(error, "orig", None)
    cause = getattr(driver, "original_exception", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _OF_CERTIFICATE.get(cause.verify_code, Obstacle.CERTIFICATE_UNTRUSTED)
    if isinstance(cause, ssl.SSLError):
        return Obstacle.TLS_FAILED
    return _OF_CODE.get(error_code(driver) or 0, Obstacle.UNREACHABLE)


def is_read_only(connection: Connection) -> bool:
    """Return whether a server takes no writes, as a replica or a former primary does.

    MySQL's super_read_only comes with read_only; readers of Aurora say so of InnoDB alone.
    """
    if connection.dialect.name == "sqlite":
        return False
    asked = text("SELECT @@global.read_only, @@global.innodb_read_only")
    # MySQL tells numbers, and a new MariaDB the word.
    return not {str(value) for value in connection.execute(asked).one()} <= {"0", "OFF"}
