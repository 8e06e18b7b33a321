"""The reference of the operator's environment variables."""

import yaml

from bookstore_operator.config import VARIABLES
from deploy.operations.sources import NOTE, ROOT, table

DEPLOYMENT = ROOT / "manifests" / "operator" / "deployment.yaml"
HEAD = """# Environment variables of the operator

{note}

Set them in an overlay of `manifests/operator`, as `manifests/overlays/prod` does with
`WATCH_NAMESPACES`. A value that cannot be used ends the start with a sentence that names it. Those
of the shop are its [settings](shop.md#settings).
"""


def reference() -> str:
    """Return docs/reference/environment.md."""
    spec = yaml.safe_load(DEPLOYMENT.read_text())["spec"]["template"]["spec"]
    env = {one["name"]: one for container in spec["containers"] for one in container["env"]}
    rows = [(f"`{name}`", meaning, _given(env.get(name))) for name, meaning in VARIABLES.items()]
    head = HEAD.format(note=NOTE.format("VARIABLES of operator/bookstore_operator/config.py"))
    return f"{head}\n{table(('Variable', 'Meaning', 'In the Deployment'), rows)}"


def _given(variable: dict[str, object] | None) -> str:
    if variable is None:
        return "not set"
    source = variable.get("valueFrom")
    if isinstance(source, dict):
        return f"`{source['fieldRef']['fieldPath']}`"
    return f"`{variable['value']}`" if variable.get("value") else "empty"
