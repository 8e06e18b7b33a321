"""Autoscaling: the HorizontalPodAutoscaler that chooses how many pods serve the shop."""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from bookstore_operator.api.autoscaling import Autoscaling
from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.components.manifests import child
from bookstore_operator.components.shop import WEB, WEB_CONTAINER, WEB_READY
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import HORIZONTAL_POD_AUTOSCALER
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

AUTOSCALING = ConditionType(
    "Autoscaling", "An autoscaler chooses how many pods serve the shop, and can measure them."
)
AUTOSCALER_STARTING = Reason(
    "AutoscalerStarting",
    "The autoscaler has no measure of the pods yet.",
    fix="Wait: the pods have no measure yet.",
)
RESOURCE_METRICS_MISSING = Reason(
    "ResourceMetricsMissing",
    "The autoscaler cannot read the pods' CPU; see the metrics server.",
    fix="Install metrics-server, see docs/how-to/scale.md.",
)
CUSTOM_METRICS_MISSING = Reason(
    "CustomMetricsMissing",
    "The autoscaler cannot read the pods' requests in a second; see the adapter of metrics.",
    fix=(
        "Install an adapter that serves the metric which the message names, see "
        "docs/how-to/scale.md."
    ),
)
AUTOSCALER_FAILED = Reason(
    "AutoscalerFailed",
    "The autoscaler cannot read or set the scale.",
    fix="Mend what the message of the HorizontalPodAutoscaler names.",
)

REQUESTS_METRIC = "bookstore_http_requests_per_second"
"""The metric of pods that an adapter makes of the shop's ``bookstore_http_requests_total``."""

PATIENCE = 120.0
"""Seconds that the metrics of a new pod may need, and those of all pods may be away."""

NEVER_PASSES = (
    "could not find the requested resource",
    "no custom metrics API",
    "no resource metrics API",
)
"""What the autoscaler says where the cluster has no such API at all."""


class Autoscaler(Component[Store]):
    """Let an autoscaler choose the number of pods, where the spec leaves it to one."""

    condition: ClassVar = AUTOSCALING
    kinds: ClassVar = (HORIZONTAL_POD_AUTOSCALER,)
    reasons: ClassVar = (
        AUTOSCALER_STARTING,
        RESOURCE_METRICS_MISSING,
        CUSTOM_METRICS_MISSING,
        AUTOSCALER_FAILED,
    )
    begins_after: ClassVar = (WEB_READY,)

    def active(self, root: Store) -> bool:
        """Return whether the spec leaves the number of pods to an autoscaler."""
        return root.is_part and root.spec.scaling is not None

    def begun(self, root: Store, view: View) -> bool:
        """Return whether there are pods to measure, or the autoscaler was made before."""
        return view.get(root.web) is not None or view.get(root.autoscaler) is not None

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return the autoscaler.

        It takes pods away only when none of the last five minutes needed them, and a quarter of
        them in a minute at most, so that it does not swing. CPU is measured of the shop's container
        alone. Source: Kubernetes, "Horizontal Pod Autoscaling", configurable scaling behavior,
        container resource metrics.
        """
        wanted = root.spec.scaling
        if wanted is None:
            return []
        target = {"apiVersion": root.web.kind.api_version, "kind": "Deployment"}
        spec = {
            "scaleTargetRef": {**target, "name": root.web.name},
            "minReplicas": wanted.min_replicas,
            "maxReplicas": wanted.max_replicas,
            "metrics": _metrics(wanted),
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": 300,
                    "selectPolicy": "Max",
                    "policies": [
                        {"type": "Pods", "value": 1, "periodSeconds": 60},
                        {"type": "Percent", "value": 25, "periodSeconds": 60},
                    ],
                }
            },
        }
        return [child(root, root.autoscaler, WEB, spec=spec)]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether the autoscaler finds its measures and can set the scale."""
        live, wanted = view.get(root.autoscaler), root.spec.scaling
        status = (live or {}).get("status", {})
        conditions = {one["type"]: one for one in status.get("conditions", [])}
        able, active = conditions.get("AbleToScale"), conditions.get("ScalingActive")
        if able and able["status"] == "False":
            return self._doubt(root, view, able, AUTOSCALER_FAILED, "cannot scale")
        if active is None or wanted is None:
            return waiting(AUTOSCALER_STARTING, "The autoscaler has not looked at the pods yet.")
        if active["status"] == "False":
            if active.get("reason") == "ScalingDisabled":
                return waiting(AUTOSCALER_STARTING, "There is no pod to measure yet.")
            custom = str(active.get("reason")).startswith("FailedGetPods")
            reason = CUSTOM_METRICS_MISSING if custom else RESOURCE_METRICS_MISSING
            return self._doubt(root, view, active, reason, "has no measure")
        measured = {one.get("type") for one in status.get("currentMetrics") or []}
        if wanted.requests_per_second and measured and "Pods" not in measured:
            told = {
                "message": f"the metric {REQUESTS_METRIC} of the pods is not served",
                "lastTransitionTime": max(active["lastTransitionTime"], _rolled(root, view)),
            }
            return self._doubt(root, view, told, CUSTOM_METRICS_MISSING, "goes by CPU alone")
        most = f"{wanted.min_replicas} to {wanted.max_replicas}"
        return ready(f"The autoscaler chooses from {most} pods.")

    def _doubt(self, root: Store, view: View, told: Manifest, reason: Reason, what: str) -> Verdict:
        """Return the verdict on what the autoscaler lacks, which may well pass by itself."""
        message = str(told.get("message", "")).strip().rstrip(".")
        since = datetime.fromisoformat(told["lastTransitionTime"])
        left = PATIENCE - (view.now - since).total_seconds()
        if left <= 0 or any(words in message for words in NEVER_PASSES):
            return failed(reason, f"the autoscaler {what}: {message}; {_FIXES[reason]}")
        before = root.condition(AUTOSCALING)
        if before is not None and before.status == "True":
            return replace(ready(before.message), again=left)
        return waiting(
            AUTOSCALER_STARTING, f"The autoscaler {what} for now: {message}.", again=left
        )


def _rolled(store: Store, view: View) -> str:
    """Return when the pods of now came, or nothing where that is not told.

    A rate wants two looks at each of them. Source: Kubernetes, "Deployments", Complete Deployment.
    """
    conditions = (view.get(store.web) or {}).get("status", {}).get("conditions") or []
    told = (one.get("lastUpdateTime") for one in conditions if one["type"] == "Progressing")
    return str(next(told, None) or "")


_FIXES = {
    RESOURCE_METRICS_MISSING: "install the metrics server, or see kubectl get apiservice "
    "v1beta1.metrics.k8s.io",
    CUSTOM_METRICS_MISSING: "install an adapter with a rule for it, or take "
    "autoscaling.requestsPerSecond out",
    AUTOSCALER_FAILED: "see kubectl describe hpa",
}


def _metrics(wanted: Autoscaling) -> list[Manifest]:
    target = {"type": "Utilization", "averageUtilization": wanted.cpu_utilization}
    cpu = {"name": "cpu", "container": WEB_CONTAINER, "target": target}
    metrics: list[Manifest] = [{"type": "ContainerResource", "containerResource": cpu}]
    if wanted.requests_per_second:
        rate = {"type": "AverageValue", "averageValue": str(wanted.requests_per_second)}
        pods = {"metric": {"name": REQUESTS_METRIC}, "target": rate}
        metrics.append({"type": "Pods", "pods": pods})
    return metrics
