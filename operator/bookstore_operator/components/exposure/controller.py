"""What the controller of a load balancer says of its work; it has no way but Events."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bookstore_operator.api.conditions import Reason
from bookstore_operator.components.exposure.address import EXPOSED, addresses
from bookstore_operator.components.pods import wants_explanation
from bookstore_operator.engine.verdict import Verdict, failed
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.kinds import EVENT
from bookstore_operator.kube.objects import Manifest, Ref, uid_of, version_of
from bookstore_operator.store import Store

LOAD_BALANCER_FAILED = Reason(
    "LoadBalancerFailed",
    "The controller of the load balancer cannot make or change it; the message has its words.",
    fix=(
        "Correct what the controller's own words in the message name, mostly a subnet, "
        "a certificate or an annotation."
    ),
)

EXPLAINED_AFTER = 10.0
"""Seconds without an address after which Events are read; a controller that is well gives one
sooner."""

SETTLES_WITHIN = 120.0
"""Seconds after a change to what has an address in which its controller is listened to."""

INTERVAL = 10.0
"""Seconds between two looks meanwhile."""

FAILURES = frozenset({"FailedBuildModel", "FailedDeployModel", "SyncLoadBalancerFailed"})
"""Of what has an address these alone mean that a change was not made; many others warn of a
Service. Source: AWS Load Balancer Controller, ``pkg/k8s/events.go``; ``k8s.io/cloud-provider``,
``controllers/service``."""

PASSING = re.compile(
    r"\(combined from similar events\): |"
    r"(https? response error )?StatusCode: \d+, RequestID: [\w-]*,? ?|"
    r",? *status code: \d+, request id: [\w-]*",
    re.IGNORECASE,
)
"""What differs from one attempt to the next, and would make the same failure another one."""


def queries(store: Store, view: View, ref: Ref, *, cloud: bool) -> list[Query]:
    """Return the Events about a Service or an Ingress, where there is something to explain.

    Args:
        store: The store.
        view: What is known of it.
        ref: What leads to the shop.
        cloud: Whether AWS makes the load balancer, which may refuse a change to it.
    """
    live = view.get(ref)
    if live is None:
        return []
    if not addresses(live):
        explains = wants_explanation(store, EXPOSED, view.now, after=EXPLAINED_AFTER)
        return [_events(live)] if explains else []
    return [_events(live)] if cloud and _is_settling(store, view, live) else []


def judged(store: Store, view: View, ref: Ref, verdict: Verdict, *, cloud: bool) -> Verdict:
    """Judge by what the controller says, where it was asked; otherwise by what was found.

    Args:
        store: The store.
        view: What is known of it.
        ref: What leads to the shop.
        verdict: The verdict by what the object itself tells.
        cloud: As in ``queries``.
    """
    live = view.get(ref)
    if live is None:
        return verdict
    found = _fault(ref, live, view.found(_events(live)) or [])
    if found is not None:
        return found
    again = INTERVAL if cloud and _is_settling(store, view, live) else verdict.again
    return replace(verdict, again=again)


def _fault(ref: Ref, live: Manifest, events: list[Manifest]) -> Verdict | None:
    """Return the verdict where a controller failed at its last attempt."""
    given = addresses(live)
    for last in _last_words(events):
        if last.get("type") != "Warning" or (given and last.get("reason") not in FAILURES):
            continue
        note = PASSING.sub("", str(last.get("note", ""))).strip().rstrip(".")
        what = "is not changed as it was" if given else "gets no address"
        meanwhile = "; the load balancer of before serves meanwhile" if given else ""
        return failed(
            LOAD_BALANCER_FAILED,
            f"{ref} {what}: {note}; correct spec.exposure, or what the cloud lacks{meanwhile}",
        )
    return None


def _events(live: Manifest) -> Query:
    return Query(EVENT, fields=(("regarding.uid", uid_of(live)),))


def _last_words(events: Iterable[Manifest]) -> list[Manifest]:
    """Return the last Event of each that wrote one, in the order of their names."""
    last: dict[str, Manifest] = {}
    for event in sorted(events, key=lambda event: (_time(event), version_of(event))):
        last[str(event.get("reportingController"))] = event
    return [last[name] for name in sorted(last)]


def _time(event: Manifest) -> str:
    """Return when an Event was seen last, to the second."""
    series = event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return next((str(time)[:19] for time in times if time), "")


def _is_settling(store: Store, view: View, live: Manifest) -> bool:
    """Return whether what has an address was changed a moment ago, or was not settled since."""
    told = store.condition(EXPOSED)
    if told is not None and told.reason == LOAD_BALANCER_FAILED:
        return True
    written = [
        datetime.fromisoformat(entry["time"])
        for entry in live["metadata"].get("managedFields", [])
        if entry.get("manager") == MANAGER and not entry.get("subresource") and "time" in entry
    ]
    return bool(written) and (view.now - max(written)).total_seconds() < SETTLES_WITHIN
