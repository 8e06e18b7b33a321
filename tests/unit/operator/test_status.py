"""When progress is told, and which Events are worth writing."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from bookstore_operator.api.conditions import READY, Condition
from bookstore_operator.components.pods import PODS_NOT_READY
from bookstore_operator.components.shop import SCHEMA_MIGRATED, WEB_READY
from bookstore_operator.components.web import ROLLOUT_IN_PROGRESS
from bookstore_operator.engine import recorder as recorder_module
from bookstore_operator.engine import status as module
from bookstore_operator.engine.conditions import conditions
from bookstore_operator.engine.memory import Memory, Note
from bookstore_operator.engine.recorder import LONGEST_NOTE, EventRecorder
from bookstore_operator.engine.status import StatusWriter, merge_fields, quiet_for, transitions
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.kube.cache import Cache
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.store import Store
from tests.component.operator.memory import kube_of
from tests.component.operator.server import Fault, Server
from tests.support.clock import Clock
from tests.unit.operator.staging import NOW, store

GOOD = ready("Well.")
AT_WORK = waiting(ROLLOUT_IN_PROGRESS, "Rolling.")
BROKEN = failed(PODS_NOT_READY, "Broken.")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for one in (module, recorder_module):
        monkeypatch.setattr(one, "time", clock)
    return clock


def told(status: str) -> Store:
    """Return a store of which Ready was told so."""
    written = {"type": str(READY), "status": status, "reason": "R", "message": "M."}
    more = {"observedGeneration": 1, "lastTransitionTime": "2026-01-01T11:00:00Z"}
    return replace(store(), conditions=(Condition.model_validate(written | more),))


def quiet(root: Store, memory: Memory, *verdicts: Verdict) -> float:
    kinds = (SCHEMA_MIGRATED, WEB_READY)
    return quiet_for(root, memory, dict(zip(kinds, verdicts, strict=True)))


def test_progress_is_told_once_in_a_while(clock: Clock) -> None:
    memory, root = Memory(), told("False")
    assert quiet(root, memory, GOOD, AT_WORK) == module.PROGRESS_INTERVAL
    clock.now += 0.4
    assert quiet(root, memory, AT_WORK, AT_WORK) == pytest.approx(0.6)
    clock.now += 0.6
    assert quiet(root, memory, GOOD, AT_WORK) == 0.0
    assert quiet(root, memory, GOOD, AT_WORK) == module.PROGRESS_INTERVAL


@pytest.mark.parametrize("verdicts", [(GOOD, GOOD), (GOOD, BROKEN), (AT_WORK, BROKEN)])
def test_trouble_and_readiness_are_told_at_once(
    clock: Clock, verdicts: tuple[Verdict, Verdict]
) -> None:
    memory, root = Memory(), told("False")
    quiet(root, memory, GOOD, AT_WORK)
    assert quiet(root, memory, *verdicts) == 0.0


def test_that_a_store_is_no_longer_ready_is_told_at_once(clock: Clock) -> None:
    memory = Memory()
    quiet(told("False"), memory, GOOD, AT_WORK)
    assert quiet(told("True"), memory, GOOD, AT_WORK) == 0.0


def test_a_trouble_is_worth_an_event_once_and_so_is_its_end() -> None:
    first = conditions(store(), {WEB_READY: BROKEN}, None, NOW)
    assert transitions(store(), first) == [Note("Warning", "PodsNotReady", "Reconcile", "Broken.")]
    broken = replace(store(), conditions=tuple(first))
    assert transitions(broken, first) == []
    other = conditions(broken, {WEB_READY: failed(PODS_NOT_READY, "Worse.")}, None, NOW)
    assert [note.text for note in transitions(broken, other)] == ["Worse."]
    healed = conditions(broken, {WEB_READY: GOOD}, None, NOW)
    (note,) = transitions(broken, healed)
    assert (note.kind, note.reason, note.action) == ("Normal", "Reconciled", "Reconcile")
    assert transitions(replace(store(), conditions=tuple(healed)), healed) == []


class Written:
    """What is written by a writer of statuses, instead of an API server and a cache."""

    def __init__(self) -> None:
        self.manifests: list[Manifest] = []

    async def apply(self, _kind: Kind, manifest: Manifest, subresource: str) -> Manifest:
        assert subresource == "status"
        self.manifests.append(manifest)
        return manifest

    def keep(self, ref: Ref, manifest: Manifest, *, written: bool) -> None:
        assert (ref, manifest, written) == (store().ref, self.manifests[-1], True)


def body_of(status: Manifest, **owned: list[str]) -> Manifest:
    """Return a store as the API gives it back, with a status whose fields have owners."""
    entries = [
        {
            "manager": manager.replace("_", "-"),
            "subresource": "status",
            "fieldsV1": {"f:status": {f"f:{name}": {} for name in names}},
        }
        for manager, names in owned.items()
    ]
    spec = {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:url": {}}}}
    return {"metadata": {"managedFields": [*entries, spec]}, "status": status}


async def test_a_status_is_written_where_it_changed_and_leaves_the_fields_of_others_alone() -> None:
    written, root = Written(), store()
    writer = StatusWriter(cast("Kube", written), cast("Cache", written), counted=False)
    current = conditions(root, {WEB_READY: GOOD}, None, NOW)
    status = {"url": "http://shop", "theirs": 1, "shared": 2, "observedGeneration": 1}
    body = body_of(status, kubectl=["theirs", "shared"], bookstore_operator=["url", "shared"])
    ours = {"url": "http://shop", "shared": 2, "observedGeneration": root.generation}

    await writer.write(root, body, current)
    assert written.manifests == [
        {
            "apiVersion": "bookstore.dev/v1",
            "kind": "BookStore",
            "metadata": {"name": root.name, "namespace": root.namespace},
            "status": {**ours, "conditions": [one.manifest() for one in current]},
        }
    ]
    settled = replace(root, conditions=tuple(current))
    body["status"]["observedGeneration"] = root.generation
    await writer.write(settled, body, current)
    await writer.write(settled, body, current, {"url": "http://shop", "shared": 2})
    assert len(written.manifests) == 1
    await writer.write(settled, body, current, {"url": "https://shop"})
    assert written.manifests[1]["status"] == {
        "url": "https://shop",
        "observedGeneration": root.generation,
        "conditions": [one.manifest() for one in current],
    }


async def test_a_store_that_has_no_status_yet_gets_one() -> None:
    written, root = Written(), store()
    writer = StatusWriter(cast("Kube", written), cast("Cache", written), counted=False)
    current = conditions(root, {WEB_READY: GOOD}, None, NOW)
    await writer.write(root, {"metadata": {}}, current)
    (manifest,) = written.manifests
    assert set(manifest["status"]) == {"observedGeneration", "conditions"}


def test_what_components_tell_is_put_together() -> None:
    fields: dict[str, object] = {}
    merge_fields(fields, {"database": {"mode": "embedded"}, "volumes": [1]})
    merge_fields(fields, {"database": {"schemaRevision": "a"}, "volumes": [2], "url": "u"})
    assert fields == {
        "database": {"mode": "embedded", "schemaRevision": "a"},
        "volumes": [1, 2],
        "url": "u",
    }


class Recorder:
    """A recorder of Events, and the server that they go to."""

    def __init__(self) -> None:
        self.server = Server()
        self.recorder = EventRecorder(kube_of(self.server), "pod-1")

    async def record(self, note: str, root: Store | None = None) -> None:
        await self.recorder.record(root or store(), "Warning", "Reason", "Reconcile", note)

    def notes(self) -> list[str]:
        return [live["note"] for live in self.server.cluster.select("events", "")]


async def test_the_same_event_is_written_again_only_after_a_while(clock: Clock) -> None:
    stage = Recorder()
    await stage.record("A.")
    await stage.record("A.")
    await stage.record("B.")
    await stage.record("A.", replace(store(), uid="another"))
    assert sorted(stage.notes()) == ["A.", "A.", "B."]
    clock.now += recorder_module.SAME_AGAIN_AFTER
    await stage.record("A.")
    assert len(stage.notes()) == 4


async def test_what_was_written_long_ago_is_forgotten(clock: Clock) -> None:
    stage = Recorder()
    for number in range(1001):
        stage.recorder._is_known(("uid", "Reason", str(number)))
    clock.now += recorder_module.SAME_AGAIN_AFTER + 1
    await stage.record("A.")
    assert len(stage.recorder._written) == 1


async def test_a_long_event_is_cut_to_what_the_api_takes(clock: Clock) -> None:
    stage = Recorder()
    await stage.record("x" * 5000)
    (note,) = stage.notes()
    assert len(note) == LONGEST_NOTE
    (live,) = stage.server.cluster.select("events", "books")
    assert live["regarding"]["uid"] == "store-uid"
    assert live["reportingInstance"] == "pod-1"


async def test_an_event_that_is_refused_is_lost_and_said_in_the_log(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Recorder()
    stage.server.faults.append(Fault("POST", "/events", 422))
    await stage.record("A.")
    assert "an Event of BookStore books/shop is lost" in caplog.text
