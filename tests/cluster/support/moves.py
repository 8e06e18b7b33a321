"""Moves of a live store from one topology to the other."""

from __future__ import annotations

from tests.cluster.support.store import Store, brief
from tests.support.poll import eventually


def move(store: Store, to: str, **changes: object) -> list[str]:
    """Want a topology, wait until the store serves as that, and return the phases that it told.

    It says all along that it is available.
    """
    store.edit(topology=to, **changes)
    phases: list[str] = []
    unavailable: list[str] = []

    def moved() -> None:
        status, conditions = store.get()["status"], store.conditions()
        phase = status.get("move", {}).get("phase", "")
        if phase and phase not in phases:
            phases.append(phase)
        # A spec that was changed a moment ago is not judged yet.
        if "Available" in conditions and conditions["Available"]["status"] != "True":
            unavailable.append(brief(conditions))
        assert (status["topology"], phase) == (to, ""), brief(conditions)
        assert conditions.get("Ready", {}).get("status") == "True", brief(conditions)

    eventually(moved, within=240, every=0.2)
    assert unavailable == []
    return phases


def under_way(store: Store) -> None:
    """Assert that a move has begun."""
    assert "move" in store.get()["status"]
