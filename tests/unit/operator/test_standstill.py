"""A store that is being restored has its pods stand still, and no store does so for good."""

from __future__ import annotations

import pytest

from bookstore_operator.api.tasks import ENDED
from bookstore_operator.components.standstill import BEING_RESTORED
from bookstore_operator.components.web import Web
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Ref
from bookstore_operator.store import Store
from bookstore_operator.task import RESTORE_READ, STANDSTILL
from tests.unit.operator.staging import store
from tests.unit.operator.test_web import made

RESTORE = Ref(RESTORE_READ, "books", "back")


def restored(uid: str = "uid-1", phase: str | None = "Restoring") -> tuple[Store, View]:
    """Return a store that stands still for a restore, and that restore."""
    root = store(notes={STANDSTILL: "back/uid-1"})
    view = made(root)
    metadata = {"name": "back", "namespace": "books", "uid": uid}
    status = {"phase": phase} if phase else {}
    view.objects[RESTORE] = {"metadata": metadata, "status": status}
    return root, view


@pytest.mark.parametrize("phase", ["Restoring", None])
def test_a_store_that_is_being_restored_says_by_what(phase: str | None) -> None:
    root, view = restored(phase=phase)
    assert Web().references(root, view) == [RESTORE]
    for verdict in (Web().judge(root, view), Web().available(root, view)):
        assert verdict
        assert (verdict.state, verdict.reason) == (State.WAITING, BEING_RESTORED)
        assert verdict.message == f"The pods stand still while {RESTORE} restores the store."
        assert not verdict.holds
        assert verdict.again == 2.0


@pytest.mark.parametrize("phase", sorted(ENDED))
def test_a_restore_that_has_ended_says_nothing(phase: str) -> None:
    assert Web().judge(*restored(phase=phase)).reason != BEING_RESTORED


def test_a_restore_that_is_gone_or_was_made_again_says_nothing() -> None:
    assert Web().judge(*restored(uid="uid-2")).reason != BEING_RESTORED
    root, view = restored()
    view.objects[RESTORE] = None
    assert Web().judge(root, view).reason != BEING_RESTORED


def test_a_store_that_names_no_restore_asks_for_none() -> None:
    root = store()
    assert Web().references(root, made(root)) == []
