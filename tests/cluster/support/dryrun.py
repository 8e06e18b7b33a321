"""Let the API server judge manifests, and keep nothing."""

from __future__ import annotations

import yaml

from tests.cluster.support.kube import Kube, Manifest


def dry_run(kube: Kube, manifests: list[Manifest], namespace: str) -> None:
    """Apply manifests on the server's side under strict validation, without effect.

    What is namespaced is judged in a namespace that exists, whatever its own is.
    """
    assert manifests
    for manifest in manifests:
        if "namespace" in manifest["metadata"]:
            manifest["metadata"]["namespace"] = namespace
    kube.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"),
        *("--namespace", namespace, "-f", "-"),
        stdin=yaml.safe_dump_all(manifests),
    )
