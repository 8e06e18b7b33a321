"""The kind DBInstance of AWS Controllers for Kubernetes, made as its generator makes it.

No registry of packages has the controller, but its generator is fed by what botocore has too: the
model of the API of RDS. Each member of the request CreateDBInstance is a field of the spec, of the
same type, in lower camel case with Go's way of writing initialisms.
"""

from __future__ import annotations

import gzip
import json
import re

from tests.cluster.support.kube import Manifest
from tests.deploy.eks.support.overlays import ROOT

MODEL = "lib/python*/site-packages/botocore/data/rds/2014-10-31/service-2.json.gz"
SCALARS = {"string", "integer", "boolean"}
SECRET_KEY = {
    "type": "object",
    "required": ["key"],
    "properties": {name: {"type": "string"} for name in ("key", "name", "namespace")},
}
INITIALISMS = {r"Id(s?)$": r"ID\1", r"Arn$": "ARN", r"Kms": "KMS"}
LEADING = re.compile(r"^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+")


def definition() -> Manifest:
    """Return the definition of the kind."""
    spec = {"type": "object", "properties": fields()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "dbinstances.rds.services.k8s.aws"},
        "spec": {
            "group": "rds.services.k8s.aws",
            "scope": "Namespaced",
            "names": {"kind": "DBInstance", "plural": "dbinstances"},
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                }
            ],
        },
    }


def fields() -> dict[str, Manifest]:
    """Return the schema of each field of the spec; a list is one of strings."""
    (model,) = (ROOT / ".venv-deploy").glob(MODEL)
    shapes = json.loads(gzip.decompress(model.read_bytes()))["shapes"]
    made: dict[str, Manifest] = {}
    for name, member in shapes["CreateDBInstanceMessage"]["members"].items():
        kind = shapes[member["shape"]]["type"]
        if kind in SCALARS:
            made[field(name)] = {"type": kind}
        elif shapes[shapes[member["shape"]]["member"]["shape"]]["type"] == "string":
            made[field(name)] = {"type": "array", "items": {"type": "string"}}
    # Never the password itself.
    made["masterUserPassword"] = SECRET_KEY
    return made


def field(member: str) -> str:
    """Return the field of a member of the request: vpcSecurityGroupIDs of VpcSecurityGroupIds."""
    for pattern, written in INITIALISMS.items():
        member = re.sub(pattern, written, member)
    return LEADING.sub(lambda leading: leading[0].lower(), member, count=1)
