"""Follow the objects of a kind: list, watch, and list anew where the watch cannot go on.

kopf watches the roots; children are followed here, since kopf keeps every object whole, tells no
deletion that a broken watch missed, gives a watch up after some minutes without a right, and ends
the process where a kind is not served. Source: Kubernetes API concepts, "Efficient detection of
changes".
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Protocol

import aiohttp

from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.connect import jittered
from bookstore_operator.kube.errors import (
    AbsentError,
    ApiError,
    ExpiredError,
    OperatorError,
    from_response,
)
from bookstore_operator.kube.objects import Kind, Manifest, Ref, ref_of
from bookstore_operator.metrics import WATCHES

SILENCE = 70.0
"""Seconds without a line after which the connection counts as dead; bookmarks come each minute."""

RECONNECT, FIRST_PAUSE, LONGEST_PAUSE = 0.1, 0.5, 30.0

LOOKED_FOR, WANTED_FOR = 3.0, 90.0
"""Seconds between two looks for a kind that is wanted and that the cluster does not serve yet, all
of its informers together; and those for which it counts as wanted after a pass that missed it. One
that nobody wants is looked for as seldom as any that fails."""

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Take in what an informer finds."""

    def changed(self, kind: Kind, event: str, live: Manifest) -> None:
        """Take in an event: ADDED, MODIFIED, DELETED, or LISTED where a list told it."""

    def listed(self, kind: Kind, namespace: str, found: set[Ref]) -> None:
        """Take in the end of a list of a kind in a namespace; what it did not have is gone."""


class Informer:
    """Follow the objects of one kind in one namespace, or in all where it is empty.

    Attributes:
        kind: The kind.
        synced: Set once the first list is there, or has failed.
        problem: Why the kind cannot be followed at the moment, or None.

    Args:
        kube: The way to the API server.
        kind: The kind.
        namespace: Where; empty for everywhere.
        selector: Which labels the objects bear.
        sink: What takes them in.
        metadata_only: Whether they are followed without their content.
        informers: How many follow the kind, each in a namespace of its own.
    """

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        namespace: str,
        selector: str,
        sink: Sink,
        *,
        metadata_only: bool = False,
        informers: int = 1,
    ) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        self.problem: OperatorError | None = None
        self._kube = kube
        self._namespace = namespace
        self._selector = selector
        self._watch = (kind.plural, f"{namespace}?{selector}")
        self._sink = sink
        self._metadata_only = metadata_only
        self._informers = informers
        self._wanted = asyncio.Event()
        self._wanted_until = 0.0

    def want(self) -> None:
        """Look for the kind soon and often for a while, where the cluster does not serve it."""
        self._wanted_until = time.monotonic() + WANTED_FOR
        self._wanted.set()

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
                _log.info("the watch of %s is too old and is begun anew", self.kind.plural)
            except (ApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                self._fail(error)
            await self._rest(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _rest(self, pause: float) -> None:
        """Wait before the next attempt; for a kind that is not served, till somebody wants it."""
        if not isinstance(self.problem, AbsentError):
            await asyncio.sleep(jittered(pause))
        elif time.monotonic() < self._wanted_until:
            await asyncio.sleep(jittered(LOOKED_FOR * self._informers))
        else:
            self._wanted.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), jittered(pause))

    def _fail(self, error: Exception) -> None:
        """Keep the problem; one that lasts is logged once."""
        if isinstance(error, AbsentError):
            WATCHES.forget(*self._watch)
        known = self.problem
        if isinstance(error, OperatorError):
            self.problem = error
        else:
            status = {"message": f"the API server does not answer ({type(error).__name__})"}
            self.problem = from_response(f"watch {self.kind.plural}", 0, status)
        self.synced.set()
        if str(known) != str(self.problem):
            is_news = not (self.kind.provider and isinstance(self.problem, AbsentError))
            level = logging.WARNING if is_news else logging.INFO
            _log.log(level, "%s; %s are listed again", self.problem, self.kind.plural)

    async def _list(self) -> str:
        version, found = "", set[Ref]()
        pages = self._kube.pages(
            self.kind, self._namespace, self._selector, metadata_only=self._metadata_only
        )
        async for items, listed_at in pages:
            version = listed_at
            for live in items:
                found.add(ref_of(self.kind, live))
                self._sink.changed(self.kind, "LISTED", live)
        self._sink.listed(self.kind, self._namespace, found)
        WATCHES.hear(*self._watch)
        self.synced.set()
        return version

    async def _follow(self, version: str) -> str:
        """Pass on what happens after a version, and return the last version that was seen."""
        opened = self._kube.watch(
            self.kind,
            self._namespace,
            self._selector,
            version,
            SILENCE,
            metadata_only=self._metadata_only,
        )
        try:
            async with opened as events:
                if self.problem is not None:
                    _log.info("%s are followed again", self.kind.plural)
                    self.problem = None
                async for event in events:
                    WATCHES.hear(*self._watch)
                    live = event["object"]
                    if event["type"] == "ERROR":
                        code = live.get("code", 500)
                        raise from_response(f"watch {self.kind.plural}", code, live)
                    version = live["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._sink.changed(self.kind, event["type"], live)
        except TimeoutError:
            _log.info("the watch of %s was silent and is connected anew", self.kind.plural)
        return version
