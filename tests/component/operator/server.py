"""The API server in memory: what it answers to a request, with faults at will.

Two ways lead to it: over HTTP, for the whole operator (``http.py``), and without a socket, for the
client of the operator alone (``memory.py``).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from bookstore_operator.backups import backups, restores
from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import Resource, kinds_used
from bookstore_operator.kube.objects import Kind, Manifest
from tests.component.operator.cluster import Cluster, Place, RefusedError

# kopf waits until it has found the last two, though it watches neither.
RESOURCES: tuple[Resource, ...] = (BookStores(), backups(), restores())
KINDS = (
    *{(kind.group, kind.plural): kind for one in RESOURCES for kind in kinds_used(one)}.values(),
    Kind("", "v1", "Namespace", "namespaces", namespaced=False),
    Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
)
PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<subresource>[a-z]+))?)?"
)


class AnswerLostError(Exception):
    """The connection broke after the server did what it was asked to."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: The HTTP method.
        target: Path and query.
        body: What was sent.
        headers: Its headers, of which ``Accept`` and ``Content-Type`` count.
    """

    method: str
    target: str
    body: bytes
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def line(self) -> str:
        made = f"/{json.loads(self.body)['metadata']['name']}" if self.method == "POST" else ""
        return f"{self.method} {self.path}{made}"

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2]))

    @property
    def of_metadata(self) -> bool:
        return "PartialObjectMetadata" in self.headers.get("Accept", "")


@dataclass
class Answer:
    """One answer: a body, or the events of a watch."""

    status: int
    body: Manifest = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    events: AsyncIterator[Manifest] | None = None


@dataclass
class Fault:
    """Answer requests of a kind by a failure, so many times.

    A status of 0 does what was asked and loses the answer.
    """

    method: str
    path: str
    status: int
    times: int = 1
    message: str = "injected"
    headers: dict[str, str] = field(default_factory=dict)

    def strikes(self, request: Request) -> bool:
        if self.times <= 0 or self.method not in {request.method, "*"}:
            return False
        if not re.search(self.path, request.target):
            return False
        self.times -= 1
        return True


@dataclass
class Server:
    """Serve a cluster.

    Attributes:
        cluster: What is served.
        faults: Failures to come.
        hangs: Patterns of ``METHOD target`` that get no answer before ``release`` is called.
        requests: What was asked, as ``METHOD path``; a name that is created ends the path.
        renewals: What was asked of the operator's Lease.
        watches: How many watches are open.
        hanging: How many requests wait for an answer.
    """

    cluster: Cluster = field(default_factory=Cluster)
    faults: list[Fault] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    renewals: list[str] = field(default_factory=list)
    watches: int = 0
    hanging: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _epoch: int = 0
    _end: str = ""

    async def end_watches(self, how: str) -> None:
        """End every watch: ``cut`` it, or say that it is too old and tell nothing (``expire``).

        One that is half open (``silence``) is not ended, and tells nothing any more.
        """
        self._epoch, self._end = self._epoch + 1, how
        await self.cluster.tell()

    def writes(self) -> list[str]:
        return [r for r in self.requests if r.split()[0] in {"PATCH", "POST", "DELETE", "PUT"}]

    async def answer(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            AnswerLostError: It was done, and its answer is lost.
        """
        told = self.renewals if "/leases" in request.path else self.requests
        told.append(request.line)
        if any(re.search(hang, f"{request.method} {request.target}") for hang in self.hangs):
            await self._hang()
        fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        if fault is not None and fault.status:
            return failure(fault.status, fault.message, fault.headers)
        try:
            answer = self._respond(request)
        except RefusedError as error:
            answer = failure(error.status, error.message, reason=error.reason)
        if request.method != "GET":
            await self.cluster.tell()
        if fault is not None:
            raise AnswerLostError
        return answer

    async def _hang(self) -> None:
        self.hanging += 1
        try:
            await self._released.wait()
        finally:
            self.hanging -= 1

    def release(self) -> None:
        """Answer what hangs, and let nothing hang any more."""
        self.hangs.clear()
        self._released.set()
        self._released = asyncio.Event()

    def _respond(self, request: Request) -> Answer:
        if found := _discovery(request.path):
            return Answer(200, found)
        match = PATH.fullmatch(request.path)
        if match is None:
            return failure(404, "no such path")
        place = (match["plural"], match["namespace"] or "", match["name"] or "")
        if request.query.get("watch"):
            return Answer(200, events=self._events(request, place))
        if request.method == "GET" and not place[2]:
            return Answer(200, self._listed(request, place))
        if request.method == "GET":
            live = self.cluster.get(place)
            return Answer(200, _metadata(live) if request.of_metadata else live)
        return self._write(request, place, match["subresource"] or "")

    def _write(self, request: Request, place: Place, below: str) -> Answer:
        body = json.loads(request.body or b"{}")
        manager = request.query.get("fieldManager", "unknown")
        if request.method == "DELETE":
            uid = body.get("preconditions", {}).get("uid")
            return Answer(200, self.cluster.delete(place, uid))
        if request.method == "POST":
            where = (place[0], place[1], body["metadata"]["name"])
            return Answer(201, self.cluster.create(where, body, manager))
        content = request.headers.get("Content-Type", "").partition(";")[0]
        if content == "application/apply-patch+yaml" and below == "status":
            return Answer(200, self.cluster.apply_status(place, body, manager))
        if content == "application/apply-patch+yaml":
            return Answer(200, self.cluster.apply(place, body, manager))
        return Answer(200, self.cluster.merge(place, body, manager, below))

    def _listed(self, request: Request, place: Place) -> Manifest:
        """Return a page of a list, as long as the request wants it."""
        items = self.cluster.select(place[0], place[1], request.query.get("labelSelector", ""))
        first = int(request.query.get("continue", "0"))
        last = first + int(request.query.get("limit", "500"))
        page = [_metadata(live) if request.of_metadata else live for live in items[first:last]]
        metadata = {"resourceVersion": str(self.cluster.version)}
        if last < len(items):
            metadata["continue"] = str(last)
        # An empty list of metadata has no items at all: so a real API server answers.
        items_told = page or (None if request.of_metadata else [])
        return {"kind": "List", "metadata": metadata, "items": items_told}

    async def _events(self, request: Request, place: Place) -> AsyncIterator[Manifest]:
        since, epoch = int(request.query.get("resourceVersion", "0")), self._epoch
        selector = request.query.get("labelSelector", "")
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        self.watches += 1
        try:
            while True:
                if epoch != self._epoch and self._end == "silence":
                    await asyncio.Event().wait()
                if epoch != self._epoch and self._end == "expire":
                    gone = {"code": 410, "message": "too old resource version"}
                    yield {"type": "ERROR", "object": gone}
                    return
                for change in self.cluster.since(since):
                    since = change.version
                    metadata = change.live["metadata"]
                    within = place[1] in {"", metadata.get("namespace", "")}
                    labelled = wanted.items() <= metadata.get("labels", {}).items()
                    if change.plural == place[0] and within and labelled:
                        live = _metadata(change.live) if request.of_metadata else change.live
                        yield {"type": change.kind, "object": live}
                if epoch != self._epoch:
                    return
                async with self.cluster.changed:
                    await self.cluster.changed.wait()
        finally:
            self.watches -= 1


def failure(
    status: int, message: str, headers: dict[str, str] | None = None, reason: str = ""
) -> Answer:
    body = {"kind": "Status", "status": "Failure", "code": status, "message": message}
    body["reason"] = reason
    return Answer(status, body, headers or {})


def _metadata(live: Manifest) -> Manifest:
    head = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
    return {**head, "metadata": live["metadata"]}


def _discovery(path: str) -> Manifest | None:
    groups = sorted({(kind.group, kind.version) for kind in KINDS if kind.group})
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {
            "kind": "APIGroupList",
            "groups": [
                {
                    "name": group,
                    "versions": [{"groupVersion": f"{group}/{version}", "version": version}],
                    "preferredVersion": {"groupVersion": f"{group}/{version}", "version": version},
                }
                for group, version in groups
            ],
        }
    for group, version in [("", "v1"), *groups]:
        if path == (f"/apis/{group}/{version}" if group else f"/api/{version}"):
            kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
            return {"kind": "APIResourceList", "resources": [_resource(kind) for kind in kinds]}
    return None


def _resource(kind: Kind) -> Manifest:
    verbs = ["create", "delete", "get", "list", "patch", "watch"]
    return {
        "name": kind.plural,
        "kind": kind.name,
        "singularName": "",
        "namespaced": kind.namespaced,
        "verbs": verbs,
    }
