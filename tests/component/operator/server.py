"""The API server in memory behind HTTP, with faults at will."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

import jsonpatch
from aiohttp import web

from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import kinds_used
from bookstore_operator.kube.objects import Kind, Manifest
from tests.component.operator.cluster import Cluster, Place, RefusedError

# kopf waits until it has found the last two, though it watches neither.
KINDS = (
    *kinds_used(BookStores()),
    Kind("", "v1", "Namespace", "namespaces", namespaced=False),
    Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
)
PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<subresource>[a-z]+))?)?"
)


@dataclass
class Fault:
    """Answer requests of a kind by a failure, so many times."""

    method: str
    path: str
    status: int
    times: int = 1
    message: str = "injected"
    headers: dict[str, str] = field(default_factory=dict)

    def strikes(self, request: web.Request) -> bool:
        if self.times <= 0 or self.method not in {request.method, "*"}:
            return False
        if not re.search(self.path, request.path_qs):
            return False
        self.times -= 1
        return True


@dataclass
class Server:
    """Serve a cluster.

    Attributes:
        cluster: What is served.
        faults: Failures to come.
        requests: What was asked, as ``METHOD path``.
        rush: What every watch is told next instead of events: ``cut`` or ``expire``.
    """

    cluster: Cluster = field(default_factory=Cluster)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    watches: int = 0
    _epoch: int = 0
    _end: str = ""

    async def start(self) -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        # A watch whose client is gone ends at once: kopf, in this same loop, waits 5 s for every
        # task that began after it did, and takes our handlers for its own.
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, runner.addresses[0][1]

    async def end_watches(self, how: str) -> None:
        """End every watch: ``cut`` the connection, or say that it is too old (``expire``)."""
        self._epoch, self._end = self._epoch + 1, how
        await self.cluster.tell()

    def writes(self) -> list[str]:
        return [r for r in self.requests if r.split()[0] in {"PATCH", "POST", "DELETE", "PUT"}]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        for fault in self.faults:
            if fault.strikes(request):
                return _failure(fault.status, fault.message, fault.headers)
        try:
            return await self._answer(request)
        except RefusedError as error:
            return _failure(error.status, error.message, reason=error.reason)
        finally:
            await self.cluster.tell()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if found := _discovery(request.path):
            return web.json_response(found)
        match = PATH.fullmatch(request.path)
        if match is None:
            return _failure(404, "no such path")
        place = (match["plural"], match["namespace"] or "", match["name"] or "")
        if request.query.get("watch"):
            return await self._watch(request, place)
        if request.method == "GET" and not place[2]:
            return web.json_response(self._listed(request, place))
        if request.method == "GET":
            return web.json_response(self.cluster.get(place))
        if request.method == "DELETE":
            return web.json_response(self.cluster.delete(place))
        body = json.loads(await request.read())
        if request.method == "POST":
            where = (place[0], place[1], body["metadata"]["name"])
            manager = request.query.get("fieldManager", "unknown")
            return web.json_response(self.cluster.create(where, body, manager), status=201)
        return web.json_response(self._patched(request, place, match["subresource"] or "", body))

    def _patched(self, request: web.Request, place: Place, below: str, body: Any) -> Manifest:
        manager = request.query.get("fieldManager", "unknown")
        if request.content_type == "application/apply-patch+yaml" and below == "status":
            return self.cluster.apply_status(place, body)
        if request.content_type == "application/apply-patch+yaml":
            return self.cluster.apply(place, body, manager)
        if request.content_type == "application/json-patch+json":
            live = self.cluster.get(place)
            try:
                after = jsonpatch.apply_patch(live, body)
            except jsonpatch.JsonPatchException as error:
                raise RefusedError(422, str(error)) from error
            finalizers = after["metadata"].get("finalizers")
            body = {"metadata": {"finalizers": finalizers}}
        return self.cluster.merge(place, body, manager, below)

    def _listed(self, request: web.Request, place: Place) -> Manifest:
        selector = request.query.get("labelSelector", "")
        items = self.cluster.list(place[0], place[1], selector)
        version = {"resourceVersion": str(self.cluster.version)}
        return {"kind": "List", "metadata": version, "items": items}

    async def _watch(self, request: web.Request, place: Place) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        since, epoch = int(request.query.get("resourceVersion", "0")), self._epoch
        wanted = dict(
            pair.split("=", 1) for pair in request.query.get("labelSelector", "").split(",") if pair
        )
        self.watches += 1
        try:
            while True:
                for change in [c for c in self.cluster.journal if c.version > since]:
                    since = change.version
                    labels = change.live["metadata"].get("labels", {})
                    if change.plural == place[0] and wanted.items() <= labels.items():
                        await _send(response, {"type": change.kind, "object": change.live})
                if epoch != self._epoch:
                    if self._end == "expire":
                        gone = {"code": 410, "message": "too old resource version"}
                        await _send(response, {"type": "ERROR", "object": gone})
                    return response
                async with self.cluster.changed:
                    await self.cluster.changed.wait()
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            self.watches -= 1


async def _send(response: web.StreamResponse, event: Manifest) -> None:
    await response.write(json.dumps(event).encode() + b"\n")


def _failure(
    status: int, message: str, headers: dict[str, str] | None = None, reason: str = ""
) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "code": status, "message": message}
    body["reason"] = reason
    return web.json_response(body, status=status, headers=headers)


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
