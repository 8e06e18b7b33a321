"""An external database: nothing of it is ours, so it is never waited for here.

Whether it answers is told by the migration, which must reach it, and by the pods' readiness.
"""

from typing import ClassVar

from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.observed import Observed
from bookstore_operator.store import Store
from bookstore_operator.verdict import Verdict, ready


class ExternalDatabase(Component):
    """Use a server outside of the operator's care."""

    condition: ClassVar = ConditionType.DATABASE_READY
    awaited: ClassVar = Reason.WAITING_FOR_DATABASE

    def observes(self, store: Store) -> list[Ref]:  # noqa: ARG002
        """Return nothing: no object of the cluster stands for the server."""
        return []

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:  # noqa: ARG002
        """Return nothing."""
        return []

    def judge(self, store: Store, seen: Observed) -> Verdict:  # noqa: ARG002
        """Judge the server usable until a pod that needs it says otherwise."""
        connection = Connection.of(store)
        return ready(f"The store uses {connection.host}:{connection.port}.")
