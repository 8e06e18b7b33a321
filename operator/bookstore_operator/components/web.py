"""Web: the Deployment of the shop, its environment and its account."""

from typing import ClassVar

from bookstore_operator.api.conditions import Reason
from bookstore_operator.api.spec import AccessMode
from bookstore_operator.components.credentials import CREDENTIALS_READY, config_hash
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.database.database import DATABASE_READY
from bookstore_operator.components.manifests import (
    child,
    container_security,
    encoded,
    from_secret,
    pod_security,
    pull_policy,
    pull_secrets,
    scratch,
)
from bookstore_operator.components.migration import WAITING_FOR_MIGRATION, ServingImage
from bookstore_operator.components.outputs import PublicAddress, mail_settings
from bookstore_operator.components.pods import (
    PODS_NOT_READY,
    REASONS,
    explain,
    wants_explanation,
)
from bookstore_operator.components.shop import (
    AVAILABLE_PODS,
    HTTPS_PORT,
    MAIL_READY,
    METRICS_PORT,
    PORT,
    WEB,
    WEB_READY,
    complete_rollout,
    is_complete,
    web_pods,
)
from bookstore_operator.components.storage import STORAGE_READY
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    SECRET,
    SERVICE_ACCOUNT,
)
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import COMPONENT_LABEL, Store

WAITING_FOR_WEB = Reason("WaitingForWeb", f"This part begins after {WEB_READY}.")
ROLLOUT_IN_PROGRESS = Reason("RolloutInProgress", "Pods are being replaced.")
ROLLOUT_STALLED = Reason("RolloutStalled", "New pods do not get ready; the old ones serve.")
PODS_REFUSED = Reason("PodsRefused", "A quota or an admission policy refuses the pods.")

FILES = {"uploads": "/app/uploads", "backups": "/app/backups"}
"""Folders of the one claim, and where the shop finds them."""

STOP = 35
"""Seconds that a pod has to answer what it took, once it no longer serves on."""

HISTORY = 3
"""Former revisions that can be gone back to: ReplicaSets, and the environment of each."""

NODE_AWAY = 30
"""Seconds after which a pod is replaced whose node is gone; Kubernetes waits 300 by default."""


class Web(Component[Store]):
    """Run the shop's pods."""

    condition: ClassVar = WEB_READY
    awaited: ClassVar = WAITING_FOR_WEB
    kinds: ClassVar = (SERVICE_ACCOUNT, CONFIG_MAP, SECRET, DEPLOYMENT)
    reads: ClassVar = (POD, REPLICA_SET)
    reasons: ClassVar = (ROLLOUT_IN_PROGRESS, ROLLOUT_STALLED, PODS_REFUSED, *REASONS)
    requires: ClassVar = (CREDENTIALS_READY, MAIL_READY)
    begins_after: ClassVar = (STORAGE_READY, DATABASE_READY)

    def begun(self, root: Store, view: View) -> bool:
        """Return whether the shop was started before; it then outlives what others wait for."""
        return view.get(root.web) is not None or root.status.image is not None

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return account, environment and Deployment.

        The environment is a revision of its own, named by its digest and immutable: a pod of the
        revision before that restarts in the middle of a change starts as it was.
        """
        revision = _revision(root, view)
        account = child(root, root.account, WEB, automountServiceAccountToken=False)
        config = child(root, root.config(revision), WEB, data=environment(view), immutable=True)
        secrets = encoded(_confidential(root, view))
        env = child(root, root.env(revision), WEB, data=secrets, type="Opaque", immutable=True)
        return [account, config, env, _deployment(root, view, revision)]

    def retained(self, root: Store, view: View) -> set[Ref]:
        """Return the environments of former revisions that some ReplicaSet may go back to."""
        former = _former(root, view)
        sets = view.found(_replica_sets(root))
        if sets is None:
            return former
        used = {name for one in sets for name in _environment_of(one["spec"]["template"]["spec"])}
        return {ref for ref in former if ref.name in used}

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods while not all are ready, and the ReplicaSets where much is left over."""
        live = view.get(root.web)
        complete = live is not None and is_complete(root, live)
        queries = []
        if not complete and wants_explanation(root, WEB_READY, view.now):
            queries.append(web_pods(root))
        if complete and len(_former(root, view)) > 2 * HISTORY:
            queries.append(_replica_sets(root))
        return queries

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether all wanted pods run the wanted image and are ready, and why not."""
        live = view.get(root.web)
        if live is None:
            return waiting(PODS_NOT_READY, "The pods are about to start.")
        image = view.output(ServingImage).image
        if not is_complete(root, live):
            pods = view.found(web_pods(root)) or []
            fault = _refusal(live) or explain(pods, image, "spec.image", view.now)
            return fault or _progress(root, live, image)
        if image != root.spec.image:
            return waiting(
                WAITING_FOR_MIGRATION,
                f"Image {image} serves until the schema is that of image {root.spec.image}.",
            )
        return ready(f"All pods of image {image} are ready.")

    def available(self, root: Store, view: View) -> Verdict | None:
        """Return whether the shop serves: a pod that is ready for a while has its database."""
        live = view.get(root.web) or {}
        if live.get("status", {}).get(AVAILABLE_PODS):
            return ready("The shop serves.")
        if root.spec.desired_replicas == 0:
            return waiting(PODS_NOT_READY, "spec.replicas is 0; raise it to serve.")
        return waiting(PODS_NOT_READY, "No pod is ready.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return the image and the counts of pods."""
        counts = (view.get(root.web) or {}).get("status", {})
        ready_pods = counts.get("readyReplicas", 0)
        image = complete_rollout(root, view) or root.status.image
        return {
            **({"image": image} if image else {}),
            "replicas": counts.get("replicas", 0),
            "readyReplicas": ready_pods,
            "replicaSummary": f"{ready_pods}/{root.spec.desired_replicas}",
            "selector": ",".join(f"{name}={value}" for name, value in root.selector(WEB).items()),
        }

    def leftovers(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Deployment, whose pods hold the claims that are to go."""
        return [] if root.retains_data else [root.web]


def environment(view: View) -> dict[str, str]:
    """Return the shop's environment as far as it is not secret."""
    return {
        **view.output(Connection).settings(),
        **view.output(PublicAddress).settings(),
        **mail_settings(view).plain,
        "FLASK_ENV": "production",
        "PORT": str(PORT),
        "HTTPS_PORT": str(HTTPS_PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "UPLOADS_DIR": FILES["uploads"],
        "BACKUPS_DIR": FILES["backups"],
    }


def _revision(store: Store, view: View) -> str:
    """Return what changes when a running pod's environment is no longer the wanted one."""
    content = [environment(view), _confidential(store, view)]
    return config_hash(store, view, content)[:10]


def _confidential(store: Store, view: View) -> dict[str, str]:
    """Return the shop's environment as far as it is secret, and the database's authority."""
    return view.output(Connection).confidential(store, view) | mail_settings(view).secret


def _former(store: Store, view: View) -> set[Ref]:
    """Return the environments that are there beside the wanted one."""
    revision = _revision(store, view)
    wanted = {store.config(revision), store.env(revision)}
    return {
        ref
        for kind in (CONFIG_MAP, SECRET)
        for ref, live in view.owned(kind).items()
        if live["metadata"].get("labels", {}).get(COMPONENT_LABEL) == WEB and ref not in wanted
    }


def _replica_sets(store: Store) -> Query:
    return Query.of(REPLICA_SET, store.selector(WEB))


def _environment_of(pod: Manifest) -> set[str]:
    """Return the names of the ConfigMaps and Secrets that a pod's containers start with."""
    names = set()
    for container in pod["containers"]:
        for source in container.get("envFrom", []):
            names |= {one["name"] for one in source.values() if isinstance(one, dict)}
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            names |= {reference["name"]} if reference else set()
    return names


def _refusal(live: Manifest) -> Verdict | None:
    """Return the verdict where the API server refuses the pods themselves."""
    for condition in live.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            message = str(condition.get("message", "")).strip().rstrip(".")
            return failed(
                PODS_REFUSED,
                f"pods are refused: {message}; raise the quota, or correct what the policy names",
            )
    return None


def _progress(store: Store, live: Manifest, image: str) -> Verdict:
    conditions = {c["type"]: c for c in live.get("status", {}).get("conditions", [])}
    if conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        return failed(
            ROLLOUT_STALLED,
            f"new pods of image {image} do not get ready; see kubectl logs -n {store.namespace} "
            f"deployment/{store.name}, then correct spec.image or what they wait for",
        )
    ready_pods = live.get("status", {}).get(AVAILABLE_PODS, 0)
    if ready_pods >= store.spec.desired_replicas:
        return waiting(ROLLOUT_IN_PROGRESS, f"Pods are replaced by ones of image {image}.")
    return waiting(PODS_NOT_READY, f"{ready_pods} of {store.spec.desired_replicas} pods are ready.")


def _deployment(store: Store, view: View, revision: str) -> Manifest:
    spec = {
        "replicas": store.spec.desired_replicas,
        "revisionHistoryLimit": HISTORY,
        "progressDeadlineSeconds": 300,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "selector": {"matchLabels": store.selector(WEB)},
        "template": {
            "metadata": {"labels": store.labels(WEB)},
            "spec": _pod(store, view, revision),
        },
    }
    return child(store, store.web, WEB, spec=spec)


def _pod(store: Store, view: View, revision: str) -> Manifest:
    env = store.env(revision).name
    ca_volumes, _ = view.output(Connection).volumes(env)
    volumes, _ = scratch(tmp="/tmp")  # noqa: S108 - the container's
    files = {"name": "files", "persistentVolumeClaim": {"claimName": store.files.name}}
    return {
        "serviceAccountName": store.account.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **pull_secrets(store),
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": STOP + view.output(PublicAddress).drain,
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{trouble}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": NODE_AWAY,
            }
            for trouble in ("not-ready", "unreachable")
        ],
        **_placement(store),
        "containers": [_container(store, view, revision)],
        "volumes": [files, *volumes, *ca_volumes],
    }


def _placement(store: Store) -> Manifest:
    """Spread the pods over nodes and zones, or keep them where a volume of one node is.

    Pods of another revision are not counted, so that a rollout ends as evenly as it began. Both
    are preferences, so that pods start where nodes are few, and together they weigh more than all
    else that the scheduler likes of a node (image there, free resources, balance: 100 each, spread
    and affinity: 200 each). Zones are no spread constraint: a node without the label of one
    constraint is left out of the scores of all. Source: Kubernetes, "Pod Topology Spread
    Constraints"; ``k8s.io/kubernetes/pkg/scheduler/framework/plugins``.
    """
    selector = {"matchLabels": store.selector(WEB)}
    claim = store.spec.storage.claim
    if claim and AccessMode.READ_WRITE_MANY not in claim.access_modes:
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}
        return {
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        }
    revision = {"labelSelector": selector, "matchLabelKeys": ["pod-template-hash"]}
    preferred = [
        {"weight": weight, "podAffinityTerm": {"topologyKey": key, **revision}}
        for key, weight in (("kubernetes.io/hostname", 100), ("topology.kubernetes.io/zone", 50))
    ]
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        **revision,
    }
    return {
        "affinity": {
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
        },
        "topologySpreadConstraints": [spread],
    }


def _container(store: Store, view: View, revision: str) -> Manifest:
    connection = view.output(Connection)
    env = store.env(revision).name
    _, ca_mounts = connection.volumes(env)
    _, mounts = scratch(tmp="/tmp")  # noqa: S108 - the container's
    folders = [
        {"name": "files", "mountPath": path, "subPath": name} for name, path in FILES.items()
    ]
    return {
        "name": "web",
        "image": view.output(ServingImage).image,
        **pull_policy(store),
        "args": ["serve"],
        "envFrom": [{"configMapRef": {"name": store.config(revision).name}}],
        "env": [
            from_secret(name, env, name)
            for name in (*connection.variables(), *mail_settings(view).secret)
        ],
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "https", "containerPort": HTTPS_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": store.spec.resources.manifest(),
        "securityContext": container_security(),
        "lifecycle": {"preStop": {"sleep": {"seconds": view.output(PublicAddress).drain}}},
        "startupProbe": _probe("/healthz", period=1, failures=120),
        "readinessProbe": _probe("/readyz", period=3, failures=2),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "volumeMounts": [*folders, *mounts, *ca_mounts],
    }


def _probe(path: str, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
