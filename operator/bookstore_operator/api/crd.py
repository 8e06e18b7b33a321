"""The CustomResourceDefinition of BookStore, made from the typed spec and status."""

from typing import Any

from bookstore_operator.api import API_VERSION, GROUP, KIND, PLURAL, VERSION
from bookstore_operator.api.model import missing, rule
from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.api.status import BookStoreStatus
from bookstore_operator.api.structural import structural

NAME_RULE = rule(
    "self.metadata.name.matches(r'^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
    "metadata.name must have at most 40 characters, lower case letters, digits and -, and begin "
    "with a letter, since Services and Jobs are named after it",
    field=".metadata.name",
)
SPEC_RULE = missing(
    "spec", "set spec with image, database and storage; manifests/samples/local.yaml shows one"
)


def bookstore_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition as a manifest."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{PLURAL}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "bookstore"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["bs"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
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
        "schema": {"openAPIV3Schema": _schema()},
    }


def _column(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "type": "string", "jsonPath": path}


def _schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"A second-hand book market ({API_VERSION}): the shop, its database, its "
        "files and its address.",
        "x-kubernetes-validations": [NAME_RULE, SPEC_RULE],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 253}},
            },
            "spec": structural(BookStoreSpec),
            "status": structural(BookStoreStatus, sentences=False),
        },
    }
