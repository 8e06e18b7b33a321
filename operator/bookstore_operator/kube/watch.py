"""Follow other people's Secrets by their metadata alone; their data never comes here."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlencode

import aiohttp

from bookstore_operator.errors import ApiError, ExpiredError, from_response
from bookstore_operator.kinds import SECRET, Manifest, Ref
from bookstore_operator.kube.client import Kube, collection
from bookstore_operator.kube.connect import jittered

ONLY_METADATA = "application/json;as={};g=meta.k8s.io;v=v1"
SILENCE = 70.0
"""Seconds without a line after which the connection counts as dead; bookmarks come each minute."""

RECONNECT, FIRST_PAUSE, LONGEST_PAUSE = 0.1, 0.5, 30.0
_log = logging.getLogger(__name__)

Changed = Callable[[Ref, str, bool], None]
"""Called with a Secret, its resource version, and whether it was deleted."""


class SecretWatch:
    """Watch the metadata of the Secrets of one namespace, or of all where it is empty.

    Args:
        kube: The way to the API server.
        namespace: Where the Secrets are.
        changed: Called for every Secret that is listed, changed or deleted.
        relisted: Called when deletions may have been missed.
    """

    def __init__(
        self, kube: Kube, namespace: str, changed: Changed, relisted: Callable[[], None]
    ) -> None:
        self._kube = kube
        self._path = collection(SECRET, namespace)
        self._changed = changed
        self._relisted = relisted

    async def run(self) -> None:
        """List and follow for ever; a failure is retried with a growing pause."""
        pause = FIRST_PAUSE
        while True:
            try:
                version = await self._list()
                pause = FIRST_PAUSE
                while True:
                    version = await self._follow(version)
                    await asyncio.sleep(jittered(RECONNECT))
            except ExpiredError:
                _log.info("the watch of Secrets is too old and is begun anew")
            except (ApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("the watch of Secrets failed and is begun anew: %s", error)
            await asyncio.sleep(jittered(pause))
            pause = min(pause * 2, LONGEST_PAUSE)
            self._relisted()

    async def _list(self) -> str:
        accept = ONLY_METADATA.format("PartialObjectMetadataList")
        listed = await self._kube.read(self._path, accept)
        for item in listed["items"]:
            self._tell(item, deleted=False)
        return str(listed["metadata"]["resourceVersion"])

    async def _follow(self, version: str) -> str:
        """Pass on what happens after a version, and return the last version that was seen."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        path = f"{self._path}?{urlencode(query)}"
        try:
            async for event in self._events(path):
                item = event["object"]
                if event["type"] == "ERROR":
                    raise from_response("watch Secrets", item.get("code", 500), item)
                version = item["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._tell(item, deleted=event["type"] == "DELETED")
        except TimeoutError:
            _log.info("the watch of Secrets was silent and is connected anew")
        return version

    async def _events(self, path: str) -> AsyncIterator[Manifest]:
        accept = ONLY_METADATA.format("PartialObjectMetadata")
        response = await self._kube.stream(path, accept, SILENCE)
        try:
            async for line in response.content:
                yield json.loads(line)
        finally:
            response.close()

    def _tell(self, item: Manifest, *, deleted: bool) -> None:
        metadata = item["metadata"]
        ref = Ref(SECRET, metadata["namespace"], metadata["name"])
        self._changed(ref, metadata["resourceVersion"], deleted)
