"""Tell people what happened, by Events about the store."""

import logging
import secrets
from datetime import UTC, datetime

from bookstore_operator.api import API_VERSION, KIND
from bookstore_operator.errors import ApiError
from bookstore_operator.kinds import EVENT
from bookstore_operator.kube.client import Kube
from bookstore_operator.store import MANAGER, Store

LONGEST_NOTE = 1024
_log = logging.getLogger(__name__)


class Herald:
    """Write Events; one that cannot be written is logged and lost.

    Source: Kubernetes API reference, ``events.k8s.io/v1``.
    """

    def __init__(self, kube: Kube, instance: str) -> None:
        self._kube = kube
        self._instance = instance

    async def tell(self, store: Store, kind: str, reason: str, action: str, note: str) -> None:
        """Write one Event.

        Args:
            store: What it is about.
            kind: ``Normal`` or ``Warning``.
            reason: One CamelCase word.
            action: What was done, as one CamelCase word.
            note: A sentence.
        """
        manifest = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {
                "name": f"{store.name}.{secrets.token_hex(8)}",
                "namespace": store.namespace,
            },
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": store.namespace,
                "name": store.name,
                "uid": store.uid,
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": kind,
            "reason": reason,
            "action": action,
            "note": note[:LONGEST_NOTE],
            "reportingController": f"bookstore.dev/{MANAGER}",
            "reportingInstance": self._instance,
        }
        try:
            await self._kube.create(manifest)
        except ApiError as error:
            _log.warning("an Event of store %s is lost: %s", store.key, error)
