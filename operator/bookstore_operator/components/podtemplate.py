"""Pod template: lay what a person adds over the shop's pods."""

from bookstore_operator.api.containers import AddedContainer, ContainerSecurity
from bookstore_operator.api.podtemplate import PodTemplate
from bookstore_operator.components.manifests import container_security
from bookstore_operator.kube.objects import Manifest


def overlaid(template: Manifest, added: PodTemplate | None) -> Manifest:
    """Return the template of the pods with what a person adds; what is ours stays as it is.

    Args:
        template: The template that the operator wants; its first container is the shop.
        added: What is added, or None.
    """
    if added is None:
        return template
    metadata, pod = template["metadata"], template["spec"]
    web, *others = pod["containers"]
    web = {**web, "volumeMounts": [*web["volumeMounts"], *_listed(added, "volumeMounts")]}
    starting = [_container(one) for one in added.init_containers or ()]
    beside = [_container(one) for one in added.containers or ()]
    security = added.security_context.manifest() if added.security_context else {}
    return {
        "metadata": {
            **metadata,
            "labels": {**(added.labels or {}), **metadata["labels"]},
            **({"annotations": added.annotations} if added.annotations else {}),
        },
        "spec": {
            **pod,
            "securityContext": {**pod["securityContext"], **security},
            **({"initContainers": starting} if starting else {}),
            "containers": [web, *others, *beside],
            "volumes": [*pod["volumes"], *_listed(added, "volumes")],
        },
    }


def _listed(added: PodTemplate, name: str) -> list[Manifest]:
    found: list[Manifest] = added.manifest().get(name, [])
    return found


def _container(added: AddedContainer) -> Manifest:
    """Return a container that meets the restricted Pod Security Standard."""
    differing = added.security_context or ContainerSecurity()
    return {
        **added.manifest(),
        "resources": added.resources.manifest(),
        "securityContext": {**container_security(), **differing.manifest()},
    }
