"""How a store's conditions are read while `up` waits for it."""

from cluster.install import is_ready, why_not


def store(*conditions: dict[str, object], generation: int = 2) -> dict[str, object]:
    return {"metadata": {"generation": generation}, "status": {"conditions": list(conditions)}}


def condition(
    kind: str,
    status: str,
    reason: str = "Reconciled",
    message: str = "All is well.",
    observed: int = 2,
) -> dict[str, object]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": observed,
    }


def test_ready_counts_for_the_present_generation_only() -> None:
    assert is_ready(store(condition("Ready", "True")))
    assert not is_ready(store(condition("Ready", "True", observed=1)))
    assert not is_ready({"metadata": {"generation": 1}})


def test_the_first_part_that_is_not_well_is_the_reason() -> None:
    waiting = condition("DatabaseReady", "False", "DatabaseStarting", "MySQL starts.")
    told = why_not(store(condition("Ready", "False"), condition("StorageReady", "True"), waiting))
    assert told == "DatabaseReady DatabaseStarting: MySQL starts."


def test_a_store_without_a_state_says_so() -> None:
    assert why_not({"metadata": {}}) == "the operator has not told its state yet"
