"""Talk to the API server: plain manifests over HTTP, and kubectl where a person would use it.

Polling through kubectl costs a process and some 100 ms of CPU for each look, which two cores that
also run the cluster do not have; one connection of ours costs a few milliseconds.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from tests.support.poll import NotYet

Manifest = dict[str, Any]

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bookstore"
CONTEXT = "kind-" + os.environ.get("BOOKSTORE_CLUSTER", "bookstore")


class Kind(NamedTuple):
    """Where the API serves a kind."""

    api_version: str
    plural: str
    namespaced: bool = True


KINDS = {
    "BookStore": Kind("bookstore.dev/v1", "bookstores"),
    "BookStoreBackup": Kind("bookstore.dev/v1", "bookstorebackups"),
    "BookStoreRestore": Kind("bookstore.dev/v1", "bookstorerestores"),
    "Certificate": Kind("cert-manager.io/v1", "certificates"),
    "ClusterRole": Kind("rbac.authorization.k8s.io/v1", "clusterroles", namespaced=False),
    "ConfigMap": Kind("v1", "configmaps"),
    "CronJob": Kind("batch/v1", "cronjobs"),
    "CustomResourceDefinition": Kind(
        "apiextensions.k8s.io/v1", "customresourcedefinitions", namespaced=False
    ),
    "DBInstance": Kind("rds.services.k8s.aws/v1alpha1", "dbinstances"),
    "Deployment": Kind("apps/v1", "deployments"),
    "EndpointSlice": Kind("discovery.k8s.io/v1", "endpointslices"),
    "Event": Kind("v1", "events"),
    "Gateway": Kind("gateway.networking.k8s.io/v1", "gateways"),
    "HTTPRoute": Kind("gateway.networking.k8s.io/v1", "httproutes"),
    "HorizontalPodAutoscaler": Kind("autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": Kind("networking.k8s.io/v1", "ingresses"),
    "Issuer": Kind("cert-manager.io/v1", "issuers"),
    "Job": Kind("batch/v1", "jobs"),
    "Lease": Kind("coordination.k8s.io/v1", "leases"),
    "LimitRange": Kind("v1", "limitranges"),
    "Namespace": Kind("v1", "namespaces", namespaced=False),
    "NetworkPolicy": Kind("networking.k8s.io/v1", "networkpolicies"),
    "Node": Kind("v1", "nodes", namespaced=False),
    "PersistentVolume": Kind("v1", "persistentvolumes", namespaced=False),
    "PersistentVolumeClaim": Kind("v1", "persistentvolumeclaims"),
    "PerconaXtraDBCluster": Kind("pxc.percona.com/v1", "perconaxtradbclusters"),
    "Pod": Kind("v1", "pods"),
    "PodDisruptionBudget": Kind("policy/v1", "poddisruptionbudgets"),
    "ReplicaSet": Kind("apps/v1", "replicasets"),
    "ResourceQuota": Kind("v1", "resourcequotas"),
    "Secret": Kind("v1", "secrets"),
    "Service": Kind("v1", "services"),
    "ServiceAccount": Kind("v1", "serviceaccounts"),
    "StatefulSet": Kind("apps/v1", "statefulsets"),
    "StorageClass": Kind("storage.k8s.io/v1", "storageclasses", namespaced=False),
    "ValidatingWebhookConfiguration": Kind(
        "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", namespaced=False
    ),
}


class ApiError(NotYet):
    """Carry the API server's own sentence, with its HTTP code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Kube:
    """Read and write objects of one cluster.

    ``kubectl`` is the cache's own where ``make up`` built one, otherwise that of the PATH. Another
    ``server`` is one that trusts the cluster's certificates.
    """

    def __init__(self, server: str = "") -> None:
        own = CACHE / "bin" / "kubectl"
        program = str(own) if own.exists() else shutil.which("kubectl") or "kubectl"
        self.command = (program, "--context", CONTEXT, *(("--server", server) if server else ()))
        config = yaml.safe_load(self.kubectl("config", "view", "--minify", "--raw"))
        self.http = connect(config, server)

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl against the cluster and return what it printed.

        Raises an AssertionError with what it printed as its error where it fails.
        """
        done = subprocess.run(
            [*self.command, *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr.strip()}"
        return done.stdout

    def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """Return the object; for a cluster-scoped kind ``namespace`` is empty."""
        return self._call("GET", path(kind, namespace, name))

    def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return the object, or None where there is none."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.code == httpx.codes.NOT_FOUND:
                return None
            raise

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Manifest]:
        """Return the objects that match a label selector; of all namespaces where none is named."""
        items = self._call("GET", path(kind, namespace), params={"labelSelector": labels})["items"]
        names = {"apiVersion": KINDS[kind].api_version, "kind": kind}
        return [names | item for item in items]

    def apply(self, manifest: Manifest, manager: str = "e2e") -> Manifest:
        """Apply the manifest server-side, under strict validation, and return what is stored."""
        meta = manifest["metadata"]
        return self._call(
            "PATCH",
            path(manifest["kind"], meta.get("namespace", ""), meta["name"]),
            params={"fieldManager": manager, "force": "true", "fieldValidation": "Strict"},
            # As UTF-8: the server reads YAML here, which has no escape for what lies beyond U+FFFF.
            content=json.dumps(manifest, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def patch(
        self, kind: str, namespace: str, name: str, body: Any, subresource: str = ""
    ) -> Manifest:
        """Patch as a person does: a list is a JSON patch, a mapping a merge patch."""
        how = "json" if isinstance(body, list) else "merge"
        return self._call(
            "PATCH",
            path(kind, namespace, name) + subresource,
            params={"fieldManager": "a-person"},
            content=json.dumps(body),
            headers={"Content-Type": f"application/{how}-patch+json"},
        )

    def delete(self, kind: str, namespace: str, name: str, grace: int | None = None) -> None:
        """Delete the object, in the background; one that is not there is fine.

        ``grace`` is in seconds, and the kind's own where it is None.
        """
        options: Manifest = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self._call("DELETE", path(kind, namespace, name), content=json.dumps(options))
        except ApiError as error:
            if error.code != httpx.codes.NOT_FOUND:
                raise

    def watch(self, kind: str, namespace: str, seconds: int) -> Iterator[Manifest]:
        """Return the events of a kind from this call on, until the server ends the watch."""
        where = path(kind, namespace)
        version = self._call("GET", where, params={"limit": "1"})["metadata"]["resourceVersion"]
        params = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)}

        def events() -> Iterator[Manifest]:
            with self.http.stream("GET", where, params=params, timeout=seconds + 10) as response:
                for line in response.iter_lines():
                    yield json.loads(line)

        return events()

    def read(self, where: str, **params: str) -> str:
        """Return the text at a path of the API: a pod's log, a proxied page, discovery."""
        response = self.http.get(where, params=params)
        if response.is_error:
            raise ApiError(response.status_code, response.text)
        return response.text

    def _call(self, method: str, where: str, **how: Any) -> Manifest:
        response = self.http.request(method, where, **how)
        # A kind that is not served yet is answered by a plain sentence.
        is_json = "json" in response.headers.get("Content-Type", "")
        answer: Manifest = response.json() if is_json else {}
        if response.is_error:
            raise ApiError(response.status_code, answer.get("message", response.text))
        return answer


def node_images() -> dict[str, str]:
    """Name the images that the cluster's nodes hold: APP_IMAGE, OPERATOR_IMAGE, MYSQL_IMAGE."""
    lines = (CACHE / "images.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def path(kind: str, namespace: str, name: str = "") -> str:
    """Return the API path of an object, or of a kind's list where ``name`` is empty."""
    place = KINDS[kind]
    root = "/api/" if place.api_version == "v1" else "/apis/"
    scope = f"/namespaces/{namespace}" if place.namespaced and namespace else ""
    return f"{root}{place.api_version}{scope}/{place.plural}" + (f"/{name}" if name else "")


def ready_endpoints(kube: Kube, namespace: str, service: str) -> int:
    """Return how many pods a Service sends requests to."""
    slices = kube.list("EndpointSlice", namespace, f"kubernetes.io/service-name={service}")
    return sum(
        bool(endpoint["conditions"].get("ready"))
        for found in slices
        for endpoint in found.get("endpoints") or []
    )


def connect(config: Manifest, server: str = "") -> httpx.Client:
    """Return a client that is authenticated by a minified kubeconfig with a client certificate."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]))
        pair.write(base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    # Without trust in the environment: a proxy of the machine has no way to the local cluster.
    return httpx.Client(
        base_url=server or cluster["server"], verify=context, timeout=30, trust_env=False
    )
