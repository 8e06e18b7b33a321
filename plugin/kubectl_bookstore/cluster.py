"""The way to the API server, as the person's kubeconfig says."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from kubernetes import config
from kubernetes.client import ApiClient
from kubernetes.config import ConfigException, kube_config
from urllib3.exceptions import HTTPError

from kubectl_bookstore.errors import CommandError
from kubectl_bookstore.objects import STORES, Manifest, name

TIMEOUT = 15
NOT_FOUND, FIRST_ERROR = 404, 400
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class Cluster:
    """Read and change objects by their paths.

    Attributes:
        namespace: Where a command acts unless it is told another.

    Every call raises a ``CommandError`` with the API server's words where it fails.
    """

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self._client = client

    @classmethod
    def connect(cls, kubeconfig: str | None, context: str | None) -> "Cluster":
        """Return the way to the cluster of a kubeconfig's context.

        Raises:
            CommandError: There is no such kubeconfig or context.
        """
        try:
            client = config.new_client_from_config(kubeconfig, context)  # type: ignore[no-untyped-call]
            # A kubeconfig need not have a current context where another one is named.
            place = kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
            merged = kube_config.KubeConfigMerger(place).config  # type: ignore[no-untyped-call]
            loader = kube_config.KubeConfigLoader(  # type: ignore[no-untyped-call]
                merged, active_context=context
            )
        except ConfigException as error:
            raise CommandError(f"{error}; name one by --kubeconfig or --context") from error
        used = loader.current_context
        return cls(client, used["context"].get("namespace", "default"))

    def get(self, path: str) -> Manifest | None:
        """Return what is at a path, or None where there is nothing."""
        answer = self._call("GET", path)
        return json.loads(answer) if answer is not None else None

    def items(self, path: str, **query: str) -> list[Manifest]:
        """Return the objects of a list; none where the cluster does not know the kind."""
        found = self.get(f"{path}?{urlencode(query)}" if query else path)
        if found is None:
            return []
        kind = found.get("kind", "").removesuffix("List")
        head = {"apiVersion": found.get("apiVersion", ""), "kind": kind}
        return [{**head, **item} for item in found.get("items") or []]

    def text(self, path: str, **query: str) -> str:
        """Return what is at a path as it is, such as a log; nothing where it is not there."""
        return (self._call("GET", f"{path}?{urlencode(query)}") or b"").decode(errors="replace")

    def create(self, path: str, body: Manifest) -> Manifest:
        """Create an object in a collection, and return it."""
        created: Manifest = json.loads(self._call("POST", path, body) or b"{}")
        return created

    def merge(self, path: str, patch: Manifest) -> None:
        """Change an object by a JSON merge patch."""
        self._changed(path, patch, MERGE)

    def patch(self, path: str, operations: list[Manifest]) -> None:
        """Change an object by a JSON patch."""
        self._changed(path, operations, JSON_PATCH)

    def store(self, namespace: str, called: str) -> Manifest:
        """Return a BookStore.

        Raises:
            CommandError: It is not there; the sentence says which are.
        """
        found = self.get(store_path(namespace, called))
        if found is not None:
            return found
        others = ", ".join(name(one) for one in self.stores(namespace)) or "none"
        raise CommandError(
            f"There is no BookStore {called} in namespace {namespace} (there: {others}); "
            "name another namespace by -n"
        )

    def stores(self, namespace: str = "") -> list[Manifest]:
        """Return the BookStores of a namespace, or of all.

        Raises:
            CommandError: The cluster knows no BookStores.
        """
        where = f"/namespaces/{quote(namespace)}" if namespace else ""
        if self.get(STORES) is None:
            raise CommandError(
                "This cluster knows no BookStores; install them by `kubectl apply -k .` in the "
                "repository, or name another cluster by --context"
            )
        return self.items(f"{STORES}{where}/bookstores")

    def _changed(self, path: str, body: Any, content: str) -> None:
        if self._call("PATCH", path, body, content) is None:
            raise CommandError(f"{path} is not there any more")

    def _call(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> bytes | None:
        """Return the answer of the API server, or None where nothing is at the path."""
        headers = {"Accept": "application/json, */*", "Content-Type": content}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path
        try:
            answer = self._client.rest_client.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=TIMEOUT
            )
        except HTTPError as error:
            host = self._client.configuration.host
            raise CommandError(f"{host} does not answer ({type(error).__name__})") from error
        data: bytes = answer.read()
        if answer.status == NOT_FOUND:
            return None
        if answer.status >= FIRST_ERROR:
            raise CommandError(f"The API server refuses it: {_sentence(data, answer.reason)}")
        return data


def store_path(namespace: str, called: str) -> str:
    """Return the path of a BookStore."""
    return f"{STORES}/namespaces/{quote(namespace)}/bookstores/{quote(called)}"


def _sentence(answer: bytes, reason: str) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, TypeError, KeyError):
        return reason
