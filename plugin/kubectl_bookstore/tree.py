"""A store as a tree: the whole, its parts, and what each says."""

from collections.abc import Iterator

from kubectl_bookstore.objects import (
    MICROSERVICES,
    Condition,
    Manifest,
    conditions,
    full_name,
    is_behind,
)

WELL, ILL, NEITHER = "✓", "✗", "…"
RECONCILED = "Reconciled"


def tree(store: Manifest) -> str:
    """Return a store with all its conditions, those that are trouble with their messages."""
    told = conditions(store)
    whole = [one for one in told if not one.is_part]
    parts = [one for one in told if one.is_part]
    services = store.get("status", {}).get("services", [])
    lines = [_head(store), *_branch(whole, last=not (parts or services))]
    if services:
        branch, stem = ("├─", "│ ") if parts else ("└─", "  ")
        lines += [f"{branch} Services", *(f"{stem} {line}" for line in _services(services))]
    if parts:
        lines += ["└─ Parts", *(f"   {line}" for line in _branch(parts, last=True))]
    if not told:
        lines.append("└─ the operator has said nothing yet")
    elif is_behind(store):
        lines.append("   (the operator has not judged the last edit yet)")
    return "\n".join(lines)


def _head(store: Manifest) -> str:
    spec, status = store["spec"], store.get("status", {})
    wanted = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', '?')}"
    if spec.get("topology") == MICROSERVICES or "services" in status:
        wanted = str(status.get("replicaSummary", "0/?"))
    ready = f"{wanted} ready"
    parts = [f"BookStore {full_name(store)}", str(spec.get("image", "")), ready]
    if move := status.get("move"):
        parts.append(f"moves to {move['to']}: {move['phase']}")
    if spec.get("state", "Running") != "Running":
        parts.append(str(spec["state"]))
    if "deletionTimestamp" in store["metadata"]:
        parts.append("being deleted")
    return "  ".join([*parts, str(status.get("url", "no URL yet"))])


def _services(services: list[Manifest]) -> Iterator[str]:
    """Yield a line for each service, and its message where it is not as it is wanted."""
    width = max(len(one["name"]) for one in services)
    for number, one in enumerate(services):
        well, ends = one.get("reason") == RECONCILED, number == len(services) - 1
        ready = f"{one.get('readyReplicas', 0)}/{one.get('replicas', 0)} ready"
        told = [ready, one.get("image", "no image yet"), one.get("reason", "")]
        line = f"{WELL if well else ILL} {one['name']:{width}}  {'  '.join(told)}"
        yield f"{'└─' if ends else '├─'} {line}"
        if not well and one.get("message"):
            yield f"{'  ' if ends else '│ '}   {one['message']}"


def _branch(told: list[Condition], *, last: bool) -> Iterator[str]:
    width = max((len(one.type) for one in told), default=0)
    for number, one in enumerate(told):
        ends = last and number == len(told) - 1
        line = f"{mark(one)} {one.type:{width}}  {one.status:7}  {one.reason}"
        yield f"{'└─' if ends else '├─'} {line}"
        if one.is_trouble and one.message:
            yield f"{'  ' if ends else '│ '}   {one.message}"


def mark(one: Condition) -> str:
    """Return a sign for a condition: well, ill, or neither."""
    if one.is_trouble:
        return NEITHER if one.status == "Unknown" or one.only_waits else ILL
    return NEITHER if one.type == "Progressing" and one.status == "True" else WELL
