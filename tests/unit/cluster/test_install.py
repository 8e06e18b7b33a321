"""How a store's conditions are read while `up` waits for it."""

from pathlib import Path

import yaml

from cluster.images import Images
from cluster.install import changes, is_ready, why_not

IMAGES = Images("bookstore/app:1", "bookstore/operator:1", "mysql:8.4", "nginx:1.30")
SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "local" / "store.yaml"


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


def test_the_sample_of_services_differs_by_its_topology_and_the_gateways_image() -> None:
    sample = next(
        each for each in yaml.safe_load_all(SAMPLE.read_text()) if each["kind"] == "BookStore"
    )
    for topology in ("Monolith", "Microservices"):
        spec = dict(sample["spec"])
        for change in changes(IMAGES, topology):
            field = str(change["path"]).removeprefix("/spec/")
            assert change["op"] == "add" or field in sample["spec"], field
            spec[field] = change["value"]
        assert spec["image"] == IMAGES.app
        assert spec.get("topology", "Monolith") == topology
