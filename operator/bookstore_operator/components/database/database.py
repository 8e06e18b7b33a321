"""What the modes of the database share: condition, reasons, and fields of the status."""

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

DATABASE_READY = ConditionType("DatabaseReady", "The database is there and takes connections.")
WAITING_FOR_DATABASE = Reason("WaitingForDatabase", f"This part begins after {DATABASE_READY}.")
DATABASE_UNREACHABLE = Reason("DatabaseUnreachable", "The database does not answer.")
DATABASE_STARTING = Reason("DatabaseStarting", "The embedded database is starting.")


def status(store: Store, view: View) -> Manifest:
    """Return the fields of the status that every mode tells."""
    fields = {"mode": store.spec.database.mode, "host": view.output(Connection).host}
    return {"database": fields}
