"""Read and write objects: the verbs that the operator knows, with bounded retries."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from bookstore_operator.kube.connect import Connection, jittered
from bookstore_operator.kube.errors import (
    AbsentError,
    AlreadyExistsError,
    TransientApiError,
    from_response,
)
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.metrics import WRITES

MANAGER = "bookstore-operator"
"""The field manager of every write, and the value of the managed-by label."""

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
HANGS_AFTER = 3.0
"""Seconds without an answer after which a request counts as one that hangs."""

WHEN_HANGING: ContextVar[Callable[[], None]] = ContextVar("when hanging", default=lambda: None)
"""Called once a request of the current task hangs; it goes on all the same."""

PAUSES = (0.2, 0.6, 1.5)
"""Seconds before each further attempt at a request that failed in passing."""

LONGEST_RETRY_AFTER = 5.0

PAGE = 100
"""Objects in one page of a list: read as Python objects, they take ten times their size."""

ACCEPT = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

APPLY = "application/apply-patch+yaml; charset=utf-8"
MERGE = "application/merge-patch+json; charset=utf-8"
JSON = "application/json; charset=utf-8"

Right = tuple[str, str, str]
Rights = frozenset[Right]
"""API group, resource (a subresource as ``resource/subresource``) and verb."""


class Kube:
    """Talk to the API server under one field manager.

    Every verb can raise ``ApiError``. Reads and patches are retried a few times where the failure
    passes by itself; all of them can be repeated without harm.

    Attributes:
        fence: Called before each attempt at a write; raises where this operator may not act.

    Args:
        connection: The way to the API server.
        rights: What the operator's ClusterRole grants; a call beyond it is a fault of the program.
    """

    def __init__(self, connection: Connection, rights: Rights) -> None:
        self.fence: Callable[[], None] = lambda: None
        self._connection = connection
        self._rights = rights

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def get(self, ref: Ref) -> Manifest | None:
        """Return an object, or None where it is not there."""
        try:
            return await self._retried("get", ref.kind, path_of(ref), ref)
        except AbsentError:
            return None

    async def is_there(self, ref: Ref) -> bool:
        """Return whether an object of that name is there, whoever it belongs to.

        The answer comes from the API server's watch cache and may be some milliseconds old.
        """
        path = path_of(ref) + "?resourceVersion=0"
        try:
            await self._retried("get", ref.kind, path, ref, accept=METADATA)
        except AbsentError:
            return False
        return True

    async def select(
        self, kind: Kind, namespace: str, selector: str, fields: str = ""
    ) -> list[Manifest]:
        """Return the objects of a namespace that a label and a field selector select."""
        pages = self.pages(kind, namespace, selector, fields=fields)
        return [live async for items, _ in pages for live in items]

    async def pages(
        self,
        kind: Kind,
        namespace: str,
        selector: str,
        *,
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[tuple[list[Manifest], str]]:
        """Yield the objects that a selector selects, page by page, each with the list's version.

        Items of a list do not state what they are; that is filled in.

        Raises:
            ExpiredError: The list changed for so long that its next page cannot be had.
        """
        query = {"limit": str(PAGE)}
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        accept = METADATA_LIST if metadata_only else ACCEPT
        while True:
            path = f"{collection(kind, namespace)}?{urlencode(query)}"
            target = f"{kind.plural} in {namespace or 'all namespaces'}"
            page = await self._retried("list", kind, path, target, accept=accept)
            head = {"apiVersion": kind.api_version, "kind": kind.name}
            # The items of an empty list of metadata are null.
            items = [{**item, **head} for item in page["items"] or []]
            yield items, str(page["metadata"]["resourceVersion"])
            more = page["metadata"].get("continue")
            if not more:
                return
            query["continue"] = more

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Create or change an object by a server-side apply, and return it.

        Source: Kubernetes, "Server-Side Apply"; a controller forces its fields.
        """
        metadata = manifest["metadata"]
        ref = Ref(kind, metadata.get("namespace", ""), metadata["name"])
        query = urlencode({"fieldManager": MANAGER, "force": "true"})
        path = f"{path_of(ref, subresource)}?{query}"
        if not subresource:
            self._check(kind, "", "create")
        return await self._written("apply", "patch", ref, path, APPLY, manifest, subresource)

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Change an object that is there by a JSON merge patch, and return it."""
        path = path_of(ref) + "?" + urlencode({"fieldManager": MANAGER})
        return await self._written("merge", "patch", ref, path, MERGE, patch)

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete the very object of that uid; what it owns goes after it, or before by its kind.

        An object that is gone already is no error.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Foreground" if ref.kind.foreground else "Background",
        }
        try:
            await self._written("delete", "delete", ref, path_of(ref), JSON, body)
        except AbsentError:
            return

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object, and return it.

        Raises:
            AlreadyExistsError: The name is taken, perhaps by an attempt of ours whose answer was
                lost.
        """
        metadata = manifest["metadata"]
        ref = Ref(kind, metadata.get("namespace", ""), metadata["name"])
        path = f"{collection(kind, ref.namespace)}?fieldManager={MANAGER}"
        return await self._written("create", "create", ref, path, JSON, manifest)

    @asynccontextmanager
    async def watch(
        self,
        kind: Kind,
        namespace: str,
        selector: str,
        version: str,
        silence: float,
        *,
        metadata_only: bool = False,
    ) -> AsyncIterator[AsyncIterator[Manifest]]:
        """Follow a list from a version on; it ends with a timeout after a time of silence."""
        self._check(kind, "", "watch")
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        if selector:
            query["labelSelector"] = selector
        path = f"{collection(kind, namespace)}?{urlencode(query)}"
        accept = METADATA if metadata_only else ACCEPT
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        async with self._connection.request(
            "GET", path, {"Accept": accept}, None, limits
        ) as answer:
            if answer.status != 200:
                body = _parsed(await answer.read())
                raise from_response(f"watch {kind.plural}", answer.status, body)
            yield _lines(answer)

    async def _written(
        self,
        verb: str,
        right: str,
        ref: Ref,
        path: str,
        content: str,
        body: Manifest,
        subresource: str = "",
    ) -> Manifest:
        answer = await self._retried(verb, ref.kind, path, ref, right, content, body, subresource)
        what = f"{ref.kind.name}/{subresource}" if subresource else ref.kind.name
        WRITES.labels(what, verb).inc()
        return answer

    async def _retried(
        self,
        verb: str,
        kind: Kind,
        path: str,
        target: object,
        right: str = "",
        content: str = "",
        body: Manifest | None = None,
        subresource: str = "",
        accept: str = ACCEPT,
    ) -> Manifest:
        self._check(kind, subresource, right or verb)
        method = {"create": "POST", "patch": "PATCH", "delete": "DELETE"}.get(right, "GET")
        for pause in (*PAUSES, None):
            if method != "GET":
                self.fence()
            try:
                return await self.request(method, path, f"{verb} {target}", content, body, accept)
            except TransientApiError as error:
                if pause is None or isinstance(error, AlreadyExistsError):
                    raise
                asked = min(error.retry_after or 0.0, LONGEST_RETRY_AFTER)
                await asyncio.sleep(max(jittered(pause), asked))
        raise AssertionError("the last attempt returns or raises")

    async def request(
        self,
        method: str,
        path: str,
        action: str,
        content: str = "",
        body: Manifest | None = None,
        accept: str = ACCEPT,
    ) -> Manifest:
        """Send one request once, past fence and rights, and return its answer."""
        headers = {"Accept": accept}
        data: bytes | None = None
        if body is not None:
            headers["Content-Type"] = content
            # The API server reads an apply as YAML, which knows no escapes of surrogate pairs.
            data = json.dumps(body, ensure_ascii=False).encode()
        hangs = asyncio.get_running_loop().call_later(HANGS_AFTER, WHEN_HANGING.get())
        try:
            async with self._connection.request(method, path, headers, data, TIMEOUT) as sent:
                status, answered = sent.status, sent.headers
                answer = _parsed(await sent.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            answer = {"message": f"the API server does not answer ({type(error).__name__})"}
            raise from_response(action, 0, answer) from error
        finally:
            hangs.cancel()
        if 200 <= status < 300:
            return answer
        raise from_response(action, status, answer, _retry_after(answered))

    def _check(self, kind: Kind, subresource: str, verb: str) -> None:
        """Refuse a call beyond the declared rights, from which the ClusterRole is made.

        Raises:
            PermissionError: A component does not declare what it does; a fault of the program.
        """
        resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
        if (kind.group, resource, verb) not in self._rights:
            raise PermissionError(f"no component declares {verb} on {resource}")


def collection(kind: Kind, namespace: str) -> str:
    """Return the path of all objects of a kind, in a namespace or, where that is empty, in all."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    where = f"/namespaces/{quote(namespace)}" if namespace and kind.namespaced else ""
    return f"{root}{where}/{kind.plural}"


def path_of(ref: Ref, subresource: str = "") -> str:
    """Return the path of an object, or of a subresource of it."""
    below = f"/{subresource}" if subresource else ""
    return f"{collection(ref.kind, ref.namespace)}/{quote(ref.name)}{below}"


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[Manifest]:
    buffer = bytearray()
    async for chunk in answer.content.iter_any():
        buffer += chunk
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            if line:
                yield json.loads(line)
        buffer = bytearray(rest)


def _parsed(data: bytes) -> Manifest:
    try:
        answer = json.loads(data or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdecimal() else None
