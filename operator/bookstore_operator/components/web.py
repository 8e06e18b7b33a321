"""Web: run the shop's pods, and judge whether they are as they are wanted."""

from typing import ClassVar

from bookstore_operator.api.conditions import GOES_ON, Reason
from bookstore_operator.components.credentials import CREDENTIALS_READY
from bookstore_operator.components.database.database import DATABASE_READY
from bookstore_operator.components.deployment import deployment, replicas
from bookstore_operator.components.exposure.address import EXPOSED
from bookstore_operator.components.history import history
from bookstore_operator.components.manifests import child, encoded
from bookstore_operator.components.migration import WAITING_FOR_MIGRATION
from bookstore_operator.components.outputs import ServingImage
from bookstore_operator.components.pods import (
    PODS_NOT_READY,
    REASONS,
    explain,
    wants_explanation,
)
from bookstore_operator.components.revision import (
    confidential,
    environment,
    environments_of,
    former_environments,
    replica_sets,
    revision_of,
)
from bookstore_operator.components.shop import (
    AVAILABLE_PODS,
    ENVIRONMENT_READY,
    HISTORY,
    MAIL_READY,
    WEB,
    WEB_READY,
    complete_rollout,
    image_field,
    is_complete,
    is_stalled,
    wanted_pods,
    web_pods,
)
from bookstore_operator.components.sizing import WebSpec
from bookstore_operator.components.standstill import (
    BEING_RESTORED,
    being_restored,
    restore_named,
)
from bookstore_operator.components.storage import STORAGE_READY
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.drift import disowned
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
from bookstore_operator.store import Store
from bookstore_operator.task import RESTORE_READ

WAITING_FOR_WEB = Reason("WaitingForWeb", f"This part begins after {WEB_READY}.", fix=GOES_ON)
ROLLOUT_IN_PROGRESS = Reason(
    "RolloutInProgress", "Pods are being replaced.", fix="Wait; pods are being replaced."
)
ROLLOUT_STALLED = Reason(
    "RolloutStalled",
    "New pods do not get ready; the old ones serve.",
    fix=(
        "Look at the new pods by `kubectl describe pod` and `kubectl bookstore logs`; "
        "or set the former image, see docs/how-to/roll-back.md."
    ),
)
HIBERNATED = Reason(
    "Hibernated",
    "spec.state is Hibernated; nothing runs, and all data stays.",
    fix=(
        "Set spec.state to Running, or run `kubectl bookstore resume`, when the store "
        "should serve again, see docs/how-to/hibernate.md."
    ),
)
PODS_REFUSED = Reason(
    "PodsRefused",
    "A quota or an admission policy refuses the pods.",
    fix="Raise the quota, or satisfy the admission policy that the message names.",
)


class Web(Component[Store]):
    """Run the shop's pods."""

    condition: ClassVar = WEB_READY
    awaited: ClassVar = WAITING_FOR_WEB
    spec_fields: ClassVar = WebSpec
    kinds: ClassVar = (SERVICE_ACCOUNT, CONFIG_MAP, SECRET, DEPLOYMENT)
    reads: ClassVar = (POD, REPLICA_SET, RESTORE_READ)
    reasons: ClassVar = (
        ROLLOUT_IN_PROGRESS,
        ROLLOUT_STALLED,
        HIBERNATED,
        PODS_REFUSED,
        BEING_RESTORED,
        *REASONS,
    )
    requires: ClassVar = (CREDENTIALS_READY, MAIL_READY, ENVIRONMENT_READY)
    begins_after: ClassVar = (STORAGE_READY, DATABASE_READY, EXPOSED)

    def active(self, root: Store) -> bool:
        """Return whether it is of the shop as one, or of a service, and not of several."""
        return root.is_part

    def begun(self, root: Store, view: View) -> bool:
        """Return whether the shop was started before; it then outlives what others wait for."""
        return view.get(root.web) is not None or root.status.image is not None

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the restore that the pods may have to stand still for."""
        return restore_named(root)

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return account, environment and Deployment.

        The environment is a revision of its own, named by its digest and immutable: a pod of the
        revision before that restarts in the middle of a change starts as it was.
        """
        revision = revision_of(root, view)
        account = child(root, root.account, WEB, automountServiceAccountToken=False)
        config = child(
            root, root.config(revision), WEB, data=environment(root, view), immutable=True
        )
        secrets = encoded(confidential(root, view))
        env = child(root, root.env(revision), WEB, data=secrets, type="Opaque", immutable=True)
        return [account, config, env, deployment(root, view, revision)]

    def patches(self, root: Store, view: View) -> list[Patch]:
        """Return what leaves the number of pods to the autoscaler, as it is at that moment."""
        live = view.get(root.web)
        if live is None or "replicas" in replicas(root, view):
            return []
        body = disowned(live, ("spec", "replicas"))
        return [Patch(root.web, body)] if body else []

    def retained(self, root: Store, view: View) -> set[Ref]:
        """Return the environments of former revisions that some ReplicaSet may go back to."""
        former = former_environments(root, view)
        sets = view.found(replica_sets(root))
        if sets is None:
            return former
        used = {name for one in sets for name in environments_of(one["spec"]["template"]["spec"])}
        return {ref for ref in former if ref.name in used}

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods while not all are ready, and the ReplicaSets where much is left over."""
        live = view.get(root.web)
        complete = live is not None and is_complete(root, live)
        queries = []
        if not complete and wants_explanation(root, WEB_READY, view.now):
            queries.append(web_pods(root))
        if complete and len(former_environments(root, view)) > 2 * HISTORY:
            queries.append(replica_sets(root))
        return queries

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether all wanted pods run the wanted image and are ready, and why not."""
        live = view.get(root.web)
        if live is None:
            return waiting(PODS_NOT_READY, "The pods are about to start.")
        if stands := being_restored(root, view):
            return stands
        serving = view.output(ServingImage)
        image = serving.image
        if not is_complete(root, live):
            pods = view.found(web_pods(root)) or []
            fault = _refusal(live) or explain(pods, image, image_field(root), view.now)
            return fault or _progress(root, live, image)
        if image != root.spec.image and not serving.given_up:
            return waiting(
                WAITING_FOR_MIGRATION,
                f"Image {image} serves until the schema is that of image {root.spec.image}.",
            )
        return ready(f"All pods of image {image} are ready.")

    def available(self, root: Store, view: View) -> Verdict | None:
        """Return whether the shop serves: a pod that is ready for a while has its database."""
        if root.part is None and root.leads_to_services:
            return None
        live = view.get(root.web) or {}
        if live.get("status", {}).get(AVAILABLE_PODS):
            return ready("The shop serves.")
        if stands := being_restored(root, view):
            return stands
        if root.spec.hibernated:
            return waiting(HIBERNATED, "spec.state is Hibernated; set it to Running to serve.")
        if root.spec.most_replicas == 0:
            return waiting(PODS_NOT_READY, "spec.replicas is 0; raise it to serve.")
        return waiting(PODS_NOT_READY, "No pod is ready.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return the image and the counts of pods; nothing where shoppers are led elsewhere."""
        if root.part is None and root.leads_to_services:
            return {}
        live = view.get(root.web)
        counts = (live or {}).get("status", {})
        ready_pods = counts.get("readyReplicas", 0)
        image = complete_rollout(root, view) or root.status.image
        past = history(root, view)
        return {
            **({"image": image} if image else {}),
            **({"history": past} if past else {}),
            "replicas": counts.get("replicas", 0),
            "readyReplicas": ready_pods,
            "replicaSummary": f"{ready_pods}/{wanted_pods(root, live)}",
            "selector": ",".join(f"{name}={value}" for name, value in root.selector(WEB).items()),
        }

    def leftovers(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Deployment, whose pods hold the claims that are to go."""
        return [] if root.retains_data else [root.web]


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
    if is_stalled(live):
        return failed(
            ROLLOUT_STALLED,
            f"new pods of image {image} do not get ready; see kubectl logs -n {store.namespace} "
            f"deployment/{store.web.name}, then correct spec.image or what they wait for",
        )
    ready_pods = live.get("status", {}).get(AVAILABLE_PODS, 0)
    wanted = store.spec.least_replicas
    if ready_pods >= wanted:
        return waiting(ROLLOUT_IN_PROGRESS, f"Pods are replaced by ones of image {image}.")
    least = " or more" if store.spec.scaling else ""
    return waiting(PODS_NOT_READY, f"{ready_pods} of {wanted}{least} pods are ready.")
