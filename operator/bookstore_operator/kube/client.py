"""Read and write objects: the verbs that the operator knows, with bounded retries."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from bookstore_operator.api.rbac import GRANTS
from bookstore_operator.errors import AbsentError, TransientApiError, from_response
from bookstore_operator.kinds import Kind, Manifest, Ref
from bookstore_operator.kube.connect import CONNECTIONS, jittered
from bookstore_operator.metrics import WRITES
from bookstore_operator.store import MANAGER

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
PAUSES = (0.2, 0.6, 1.5)
"""Seconds before each further attempt at a request that failed in passing."""

LONGEST_RETRY_AFTER = 5.0

APPLY = "application/apply-patch+yaml; charset=utf-8"
MERGE = "application/merge-patch+json; charset=utf-8"
JSON = "application/json; charset=utf-8"

_RIGHTS = {
    (grant.group, resource, verb)
    for grant in GRANTS
    for resource in grant.resources
    for verb in grant.verbs
}


class Kube:
    """Talk to the API server under one field manager.

    Every verb can raise ``ApiError``. Reads and patches are retried a few times where the failure
    passes by itself; all of them can be repeated without harm.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def get(self, ref: Ref) -> Manifest | None:
        """Return an object, or None where it is not there."""
        try:
            return await self._retried("get", ref.kind, _path(ref), ref)
        except AbsentError:
            return None

    async def list(self, kind: Kind, namespace: str, selector: str) -> list[Manifest]:
        """Return the objects of a namespace that a label selector selects."""
        path = collection(kind, namespace) + "?" + urlencode({"labelSelector": selector})
        answer = await self._retried("list", kind, path, f"{kind.plural} in {namespace}")
        # Items of a list do not state what they are.
        return [
            {"apiVersion": kind.api_version, "kind": kind.name, **item} for item in answer["items"]
        ]

    async def apply(self, manifest: Manifest) -> Manifest:
        """Make or change an object by a server-side apply, and return it.

        Source: Kubernetes, "Server-Side Apply"; a controller forces its fields.
        """
        ref = Ref.of(manifest)
        _check(ref.kind, "", "create")
        path = _path(ref) + "?" + urlencode({"fieldManager": MANAGER, "force": "true"})
        return await self._written("apply", "patch", ref, path, APPLY, manifest)

    async def merge(self, ref: Ref, patch: Manifest, subresource: str = "") -> Manifest:
        """Change an object that is there by a JSON merge patch, and return it."""
        path = _path(ref, subresource) + "?" + urlencode({"fieldManager": MANAGER})
        return await self._written("merge", "patch", ref, path, MERGE, patch, subresource)

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete the very object of that uid; what it owns goes in the background.

        An object that is gone already is no error.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        try:
            await self._written("delete", "delete", ref, _path(ref), JSON, body)
        except AbsentError:
            return

    async def create(self, manifest: Manifest) -> None:
        """Make an object in one attempt; meant for Events, which may be lost."""
        ref = Ref.of(manifest)
        path = collection(ref.kind, ref.namespace) + f"?fieldManager={MANAGER}"
        _check(ref.kind, "", "create")
        await self._request("POST", path, f"create {ref}", JSON, manifest)
        WRITES.labels(ref.kind.name, "create").inc()

    async def stream(self, path: str, accept: str, silence: float) -> aiohttp.ClientResponse:
        """Open a stream of lines; it ends with a timeout after so many seconds of silence."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        headers = {"Accept": accept}
        response = await self._send("GET", path, headers, None, limits)
        if response.status != 200:
            body = _parsed(await response.read())
            raise from_response("watch", response.status, body)
        return response

    async def read(self, path: str, accept: str) -> Manifest:
        """Return what a path answers, in one attempt."""
        response = await self._send("GET", path, {"Accept": accept}, None, TIMEOUT)
        body = _parsed(await response.read())
        if response.status != 200:
            raise from_response("read", response.status, body)
        return body

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
    ) -> Manifest:
        _check(kind, subresource, right or verb)
        method = {"patch": "PATCH", "delete": "DELETE"}.get(right, "GET")
        for pause in (*PAUSES, None):
            try:
                return await self._request(method, path, f"{verb} {target}", content, body)
            except TransientApiError as error:
                if pause is None:
                    raise
                asked = min(error.retry_after or 0.0, LONGEST_RETRY_AFTER)
                await asyncio.sleep(max(jittered(pause), asked))
        raise AssertionError("the last attempt returns or raises")

    async def _request(
        self, method: str, path: str, action: str, content: str, body: Manifest | None
    ) -> Manifest:
        headers = {"Accept": "application/json"}
        if content:
            headers["Content-Type"] = content
        async with self._room:
            try:
                response = await self._send(method, path, headers, body, TIMEOUT)
                answer = _parsed(await response.read())
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                told = {"message": f"the API server does not answer ({type(error).__name__})"}
                raise from_response(action, 0, told) from error
        if 200 <= response.status < 300:
            return answer
        raise from_response(action, response.status, answer, _retry_after(response.headers))

    async def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: Manifest | None,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        data: Manifest | bytes | None = body
        if body is not None and headers.get("Content-Type") == APPLY:
            # The API server reads an apply as YAML, which knows no escapes of surrogate pairs.
            data = json.dumps(body, ensure_ascii=False).encode()
        answer = await self._client.rest_client.request(  # type: ignore[no-untyped-call]
            method,
            self._client.configuration.host + path,
            headers=headers,
            body=data,
            _request_timeout=limits,
        )
        response: aiohttp.ClientResponse = answer.response
        return response


def collection(kind: Kind, namespace: str) -> str:
    """Return the path of all objects of a kind, in a namespace or, where that is empty, in all."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    where = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"{root}{where}/{kind.plural}"


def _path(ref: Ref, subresource: str = "") -> str:
    below = f"/{subresource}" if subresource else ""
    return f"{collection(ref.kind, ref.namespace)}/{quote(ref.name)}{below}"


def _check(kind: Kind, subresource: str, verb: str) -> None:
    """Hold every call to the declared rights, so that the ClusterRole made from them suffices.

    Raises:
        PermissionError: The table in ``api.rbac`` lacks a line; it is a fault of the program.
    """
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    if (kind.group, resource, verb) not in _RIGHTS:
        raise PermissionError(f"api/rbac.py grants no {verb} on {resource}")


def _parsed(data: bytes) -> Manifest:
    try:
        answer = json.loads(data or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdecimal() else None
