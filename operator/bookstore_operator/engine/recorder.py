"""Tell people what happened, by Events about a root."""

import logging
import secrets
import time
from datetime import UTC, datetime

from bookstore_operator.engine.root import PREFIX, Root
from bookstore_operator.kube.client import MANAGER, Kube
from bookstore_operator.kube.errors import ApiError
from bookstore_operator.kube.kinds import EVENT

LONGEST_NOTE = 1024
SAME_AGAIN_AFTER = 300.0
"""Seconds in which an Event of the same words about the same root is not written again."""

_log = logging.getLogger(__name__)


class EventRecorder:
    """Write Events; one that cannot be written is logged and lost.

    Source: Kubernetes API reference, ``events.k8s.io/v1``.
    """

    def __init__(self, kube: Kube, instance: str) -> None:
        self._kube = kube
        self._instance = instance
        self._written: dict[tuple[str, str, str], float] = {}

    async def record(self, root: Root, kind: str, reason: str, action: str, note: str) -> None:
        """Write one Event.

        Args:
            root: What it is about.
            kind: ``Normal`` or ``Warning``.
            reason: One CamelCase word.
            action: What was done, as one CamelCase word.
            note: A sentence.
        """
        if self._is_known((root.uid, reason, note)):
            return
        manifest = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {
                "name": f"{root.name}.{secrets.token_hex(8)}",
                "namespace": root.namespace,
            },
            "regarding": {
                "apiVersion": root.ref.kind.api_version,
                "kind": root.ref.kind.name,
                "namespace": root.namespace,
                "name": root.name,
                "uid": root.uid,
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": kind,
            "reason": reason,
            "action": action,
            "note": note[:LONGEST_NOTE],
            "reportingController": f"{PREFIX}/{MANAGER}",
            "reportingInstance": self._instance,
        }
        try:
            await self._kube.create(EVENT, manifest)
        except ApiError as error:
            _log.warning("an Event of %s is lost: %s", root.ref, error)

    def _is_known(self, event: tuple[str, str, str]) -> bool:
        now = time.monotonic()
        if len(self._written) > 1000:
            self._written = {
                known: at for known, at in self._written.items() if now - at < SAME_AGAIN_AFTER
            }
        if now - self._written.get(event, -SAME_AGAIN_AFTER) < SAME_AGAIN_AFTER:
            return True
        self._written[event] = now
        return False
