"""What the modes of the database share: condition, reasons, and fields of the status."""

from bookstore_operator.api.conditions import GOES_ON, ConditionType, Reason
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

DATABASE_READY = ConditionType("DatabaseReady", "The database is there and takes connections.")
WAITING_FOR_DATABASE = Reason(
    "WaitingForDatabase",
    f"This part begins after {DATABASE_READY}.",
    fix=GOES_ON,
)
DATABASE_UNREACHABLE = Reason(
    "DatabaseUnreachable",
    "The database does not answer.",
    fix="Check host, port, security group, NetworkPolicies and DNS of the database.",
)
DATABASE_ACCESS_DENIED = Reason(
    "DatabaseAccessDenied",
    "The database refuses the shop's user, or its right to the schema.",
    fix=("Correct user and password in their Secret, or grant the user all rights on the schema."),
)
DATABASE_SCHEMA_UNKNOWN = Reason(
    "DatabaseSchemaUnknown",
    "The database's server has no schema of that name.",
    fix="Make the schema on the server, or correct its name in the spec.",
)
DATABASE_READ_ONLY = Reason(
    "DatabaseReadOnly",
    "The database takes no writes, as a replica or a former primary does.",
    fix=("Name the server that takes writes; after a failover wait until DNS leads there."),
)
DATABASE_TLS_FAILED = Reason(
    "DatabaseTLSFailed",
    "Shop and database agree on no encryption; the message says why.",
    fix=(
        "Mend the certificate or the TLS mode that the message names, see "
        "docs/how-to/external-database.md."
    ),
)
DATABASE_STARTING = Reason(
    "DatabaseStarting",
    "The embedded database is starting.",
    fix="Wait; where it stays, look at the log of the pod NAME-mysql-0.",
)
DATABASE_PROVISIONING = Reason(
    "DatabaseProvisioning",
    "The database is being made by the controller that cares for it.",
    fix=(
        "Wait: RDS takes some ten minutes, a cluster some five; the message has the "
        "words of the controller that tries again."
    ),
)
DATABASE_FAILED = Reason(
    "DatabaseFailed",
    "The controller that cares for the database cannot make or keep it.",
    fix="Correct what the controller's own words in the message name.",
)

OBSTACLES = {
    "database access denied": DATABASE_ACCESS_DENIED,
    "database schema unknown": DATABASE_SCHEMA_UNKNOWN,
    "database read-only": DATABASE_READ_ONLY,
    "database certificate untrusted": DATABASE_TLS_FAILED,
    "database certificate expired": DATABASE_TLS_FAILED,
    "database certificate of another name": DATABASE_TLS_FAILED,
    "database without TLS": DATABASE_TLS_FAILED,
    "database wants TLS": DATABASE_TLS_FAILED,
    "database TLS failed": DATABASE_TLS_FAILED,
    "database unreachable": DATABASE_UNREACHABLE,
}
"""What the shop says of its database, in its probe and as a migration's last word: the more telling
before the less."""

OBSTACLE_REASONS = tuple(dict.fromkeys(OBSTACLES.values()))


def status(store: Store, view: View) -> Manifest:
    """Return the fields of the status that every mode tells."""
    host = view.output(Connection).host
    fields = {"mode": store.spec.database.mode} | ({"host": host} if host else {})
    return {"database": fields}
