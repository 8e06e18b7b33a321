"""The CustomResourceDefinitions, made from typed specs and statuses."""

from typing import Any

from bookstore_operator.api import API_VERSION, GROUP, KIND, PLURAL, VERSION
from bookstore_operator.api.formats import STORE_NAME
from bookstore_operator.api.model import ApiModel, rule
from bookstore_operator.api.scalars import less
from bookstore_operator.api.services import LOGINS_STAY
from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.api.status import BookStoreStatus
from bookstore_operator.api.structural import structural

NAME_RULE = rule(
    f"self.metadata.name.matches(r'{STORE_NAME}')",
    "metadata.name must have at most 40 characters, lower case letters, digits and -, and begin "
    "with a letter, since Services and Jobs are named after it",
    field=".metadata.name",
)

LONGEST_OF_SERVICES = 34
SERVICES_NAME_RULE = rule(
    f"self.spec.topology == 'Monolith' || size(self.metadata.name) <= {LONGEST_OF_SERVICES}",
    f"metadata.name must have at most {LONGEST_OF_SERVICES} characters where topology is "
    "Microservices, since the services' Jobs are named after store and service",
    field=".metadata.name",
)


def _cannot_shrink(volume: str, member: str, size: str) -> dict[str, Any]:
    """Return the rule that a volume's size is not lowered below the size that the volume has.

    It stands at the root, where spec and status are both in sight. A size that was never had can
    be taken back; where no volume is known yet, the operator judges against the live claim.

    Args:
        volume: The volume's name in ``status.volumes``.
        member: The member of a union that holds the size, below ``spec``.
        size: The size's path below ``spec``.
    """
    wanted, before = f"string(self.spec.{size})", f"string(oldSelf.spec.{size})"
    named = f"volume.name == '{volume}' && has(volume.capacity)"
    below = f"self.status.volumes.exists(volume, {named} && {less(wanted, 'volume.capacity')})"
    shrinks = [
        f"has(self.spec.{member})",
        f"has(oldSelf.spec.{member})",
        less(wanted, before),
        "has(self.status) && has(self.status.volumes)",
        below,
    ]
    return rule(
        f"!({' && '.join(shrinks)})",
        f"{size} is less than the volume has, and a volume cannot shrink; raise it",
        field=f".spec.{size}",
        # Built within the macro, outside of which a text of the list has no cost bound.
        expression=f"self.status.volumes.map(volume, {named}, '{size} ' + {wanted} + ' is less "
        "than the ' + volume.capacity + ' that the volume has, and a volume cannot shrink; set ' + "
        "volume.capacity + ' or more')[0]",
    )


SHRINK_RULES = (
    _cannot_shrink("files", "storage.claim", "storage.claim.size"),
    _cannot_shrink("database", "database.embedded", "database.embedded.storage.size"),
)


def bookstore_crd(spec: type[BookStoreSpec], status: type[BookStoreStatus]) -> dict[str, Any]:
    """Return the CustomResourceDefinition as a manifest.

    Args:
        spec: The whole spec, with the fields that components add.
        status: The whole status, likewise.
    """
    return _definition(KIND, PLURAL, "bs", _version(spec, status))


def task_crd(
    kind: str,
    plural: str,
    short: str,
    description: str,
    spec: type[ApiModel],
    status: type[ApiModel],
) -> dict[str, Any]:
    """Return the CustomResourceDefinition of what is done to a store once.

    Args:
        kind: The kind.
        plural: Its plural.
        short: Its short name.
        description: What it is.
        spec: The whole spec.
        status: The whole status.
    """
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            _column("Store", ".spec.store"),
            _column("Phase", ".status.phase"),
            _column("Backup", ".status.backup"),
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
            {**_column("Reason", '.status.conditions[?(@.type=="Ready")].reason'), "priority": 1},
        ],
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": _root(description, [NAME_RULE], spec, status)},
    }
    return _definition(kind, plural, short, version)


def _definition(kind: str, plural: str, short: str, version: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "bookstore"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
            },
            "versions": [version],
        },
    }


def _version(spec: type[BookStoreSpec], status: type[BookStoreStatus]) -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            _column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            _column("Available", '.status.conditions[?(@.type=="Available")].status'),
            _column("Replicas", ".status.replicaSummary"),
            _column("Image", ".status.image"),
            _column("Database", ".status.database.mode"),
            _column("URL", ".status.url"),
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
            {**_column("Reason", '.status.conditions[?(@.type=="Ready")].reason'), "priority": 1},
        ],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": _schema(spec, status)},
    }


def _column(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "type": "string", "jsonPath": path}


def _schema(spec: type[BookStoreSpec], status: type[BookStoreStatus]) -> dict[str, Any]:
    description = (
        f"A second-hand book market ({API_VERSION}): the shop, its database, its files and its "
        "address."
    )
    rules = [NAME_RULE, SERVICES_NAME_RULE, LOGINS_STAY, *SHRINK_RULES]
    return _root(description, rules, spec, status)


def _root(
    description: str,
    rules: list[dict[str, Any]],
    spec: type[ApiModel],
    status: type[ApiModel],
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "x-kubernetes-validations": rules,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 253, "pattern": STORE_NAME}},
            },
            "spec": structural(spec),
            "status": structural(status),
        },
    }
