"""The kinds of Kubernetes itself that components keep or read."""

from bookstore_operator.kube.objects import READ, Fields, Kind

_WORKLOAD = (("spec",),)
_POD_METADATA = (("spec", "template", "metadata"),)
_REPLICAS = ("spec", "replicas")
"""Somebody else's to set where it is not wanted: an autoscaler's."""

CONFIG_MAP = Kind(
    "",
    "v1",
    "ConfigMap",
    "configmaps",
    fields=Fields(exclusive=(("binaryData",),), exact=(("data",),)),
)
SECRET = Kind("", "v1", "Secret", "secrets", fields=Fields(exact=(("data",),)))
SERVICE = Kind(
    "",
    "v1",
    "Service",
    "services",
    defaulted=True,
    fields=Fields(
        exclusive=(
            ("spec", "ports"),
            ("spec", "externalIPs"),
            ("spec", "externalName"),
            ("spec", "publishNotReadyAddresses"),
            ("spec", "sessionAffinity"),
        ),
        exact=(("spec", "selector"),),
    ),
)
SERVICE_ACCOUNT = Kind(
    "",
    "v1",
    "ServiceAccount",
    "serviceaccounts",
    # It is wanted for as long as its owner is there, and goes with it.
    verbs=(*READ, "create", "patch"),
)
DEPLOYMENT = Kind(
    "apps",
    "v1",
    "Deployment",
    "deployments",
    defaulted=True,
    fields=Fields(exclusive=_WORKLOAD, shared=(*_POD_METADATA, _REPLICAS)),
)
HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    defaulted=True,
    fields=Fields(exclusive=_WORKLOAD),
)
STATEFUL_SET = Kind(
    "apps",
    "v1",
    "StatefulSet",
    "statefulsets",
    defaulted=True,
    fields=Fields(
        exclusive=_WORKLOAD,
        shared=_POD_METADATA,
        frozen=(
            ("spec", "podManagementPolicy"),
            ("spec", "selector"),
            ("spec", "serviceName"),
            ("spec", "volumeClaimTemplates"),
        ),
    ),
)
JOB = Kind("batch", "v1", "Job", "jobs", fields=Fields(frozen=(("spec",),)))
CRON_JOB = Kind(
    "batch",
    "v1",
    "CronJob",
    "cronjobs",
    defaulted=True,
    fields=Fields(
        exclusive=_WORKLOAD,
        shared=(
            ("spec", "jobTemplate", "metadata"),
            ("spec", "jobTemplate", "spec", "template", "metadata"),
        ),
    ),
)
PERSISTENT_VOLUME = Kind(
    "",
    "v1",
    "PersistentVolume",
    "persistentvolumes",
    namespaced=False,
    holds_data=True,
    fields=Fields(frozen=(("spec",),)),
)
PERSISTENT_VOLUME_CLAIM = Kind(
    "",
    "v1",
    "PersistentVolumeClaim",
    "persistentvolumeclaims",
    holds_data=True,
    fields=Fields(
        frozen=(
            ("spec", "accessModes"),
            ("spec", "storageClassName"),
            ("spec", "volumeName"),
            ("spec", "volumeMode"),
            ("spec", "selector"),
        )
    ),
)

INGRESS = Kind(
    "networking.k8s.io",
    "v1",
    "Ingress",
    "ingresses",
    fields=Fields(exclusive=_WORKLOAD),
)

POD = Kind("", "v1", "Pod", "pods", verbs=("list",))
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets", verbs=("list",))
EVENT = Kind("events.k8s.io", "v1", "Event", "events", verbs=("create", "list"))
