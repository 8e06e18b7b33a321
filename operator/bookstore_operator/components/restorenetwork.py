"""The way of a restore to the bucket: a policy of its own, beside that of the store's backups."""

from bookstore_operator.api.tasks import ENDED, Phase
from bookstore_operator.components.bucket import way_to
from bookstore_operator.components.restorephases import RestoreTask, phase_of
from bookstore_operator.components.shop import BACKUP
from bookstore_operator.engine.root import INSTANCE_LABEL
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Fields, Kind, Manifest, Ref
from bookstore_operator.store import COMPONENT_LABEL
from bookstore_operator.task import TASK_LABEL

TASK_POLICY = Kind(
    "networking.k8s.io",
    "v1",
    "NetworkPolicy",
    "networkpolicies",
    fields=Fields(exclusive=(("spec",),)),
)

WITHOUT_PODS = (Phase.RESUMING, *ENDED)
"""The phases in which the restore has no pods any more."""


def policies(task: RestoreTask, view: View) -> list[Manifest]:
    """Return the policy by which the restore's pods reach its bucket, while there are such.

    A store that wants no policies has none for this either.
    """
    bucket, store = task.spec.s3, view.get(task.store(task.spec.store))
    if bucket is None or store is None or phase_of(task) in WITHOUT_PODS:
        return []
    if not (store["spec"].get("networkPolicies") or {}).get("enabled", True):
        return []
    labels = task.labels(task.spec.store, BACKUP)
    selected = {name: labels[name] for name in (INSTANCE_LABEL, COMPONENT_LABEL, TASK_LABEL)}
    ref = Ref(TASK_POLICY, task.namespace, f"{task.name}-s3")
    return [
        {
            "apiVersion": ref.kind.api_version,
            "kind": ref.kind.name,
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "labels": labels,
                "ownerReferences": [task.owner()],
            },
            "spec": {
                "podSelector": {"matchLabels": selected},
                "policyTypes": ["Egress"],
                "egress": way_to(bucket),
            },
        }
    ]
