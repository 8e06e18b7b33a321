"""What runs while a store moves between topologies, and what each of its parts wants then."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from bookstore_operator.api.move import BACK_FROM, PHASES, Move, MovePhase, Sides, other
from bookstore_operator.api.services import SERVICES, Topology
from bookstore_operator.components.shop import GATEWAY, WEB, front
from bookstore_operator.components.sizing import least_connections, sizes
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store

MOVES = [
    Move(to=to, phase=phase, image="bookstore/app:1", generation=2)
    for to in Topology
    for phase in PHASES
]
EACH = pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{move.phase}-{move.to}")


def sides(move: Move) -> Sides:
    return Sides(other(move.to), move)


def moving(move: Move, **spec: Any) -> Store:
    """Return a store on its way."""
    wanted = {"topology": move.to.value, "database": {"embedded": {}}} | spec
    told = {"topology": other(move.to).value, "move": move.manifest(), "image": move.image}
    return store(status=told, **wanted)


def made(root: Store) -> dict[tuple[str, str], Manifest]:
    """Return what a store wants, by kind and name."""
    found = [one for wanted in play(root, seen(root)).values() for one in wanted]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@EACH
def test_shoppers_are_led_to_a_side_that_runs_whole(move: Move) -> None:
    now = sides(move)
    whole = now.led_to is Topology.MONOLITH
    assert now.whole if whole else (now.services and now.gateway)


@EACH
def test_the_gateway_never_outlives_the_services_that_it_asks(move: Move) -> None:
    assert sides(move).services or not sides(move).gateway


@pytest.mark.parametrize("to", Topology)
def test_tables_move_only_while_both_sides_run_and_views_go_only_with_one(to: Topology) -> None:
    found = {move.phase: sides(move) for move in MOVES if move.to is to}
    cutting, contracting = found[MovePhase.CUTTING_OVER], found[MovePhase.CONTRACTING]
    assert cutting.whole
    assert cutting.services
    assert contracting.whole is not contracting.services
    led = [found[phase].led_to for phase in PHASES]
    assert sum(before is not after for before, after in pairwise(led)) == 1, "they are led once"


@EACH
def test_who_turns_back_finds_the_same_side_led_to_and_none_gone(move: Move) -> None:
    back = move.back(3)
    assert back.to is other(move.to)
    before, after = sides(move), Sides(other(move.to), back)
    if move.phase is not MovePhase.LEADING:
        # Those of the old side serve on while endpoints follow, in whichever direction.
        assert move.phase is MovePhase.CUTTING_OVER or before.led_to is after.led_to
    if before.led_to is Topology.MONOLITH:
        assert after.whole
    else:
        assert after.services
    assert set(BACK_FROM) == set(PHASES)


@EACH
def test_the_database_lets_in_all_who_run_and_the_way_leads_where_it_is_said(move: Move) -> None:
    root = moving(move)
    objects = made(root)
    policy = objects["NetworkPolicy", "shop-database"]["spec"]["ingress"]
    admitted = {
        one["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for one in policy[0]["from"]
    }
    running = {name for kind, name in objects if kind == "Deployment"} - {"shop-gateway"}
    components = {name.removeprefix("shop-") if name != "shop" else "web" for name in running}
    assert components <= admitted
    assert front(root) == root.selector(GATEWAY if root.leads_to_services else WEB)
    assert objects["Service", "shop-svc"]["spec"]["selector"] == front(root)


def users(root: Store, *objects: Manifest) -> set[str]:
    """Return the users that a store on a cluster of Percona's names."""
    found = [one for wanted in play(root, seen(root, *objects)).values() for one in wanted]
    (cluster,) = [one for one in found if one["kind"] == "PerconaXtraDBCluster"]
    return {user["name"] for user in cluster["spec"]["users"]}


def test_a_database_of_ours_knows_the_users_of_both_sides_from_the_first_phase_on() -> None:
    everybody = {"bookstore", *(f"bookstore_{name}" for name in SERVICES)}
    beginning = Move(to=Topology.MICROSERVICES, phase=PHASES[0], image="x", generation=2)
    root = moving(beginning, database={"percona": {}})
    assert users(root) == everybody
    fresh = store(topology="Microservices", database={"percona": {}})
    secret = made(fresh)["Secret", "shop-secret"]
    settled = store(database={"percona": {}}, status={"topology": "Monolith", "image": "x"})
    assert users(settled, secret) == everybody, "those that were made stay"
    del secret["data"]["auth-database-password"]
    assert users(settled, secret) == {"bookstore"}


@EACH
def test_all_pods_of_a_move_have_its_image_whatever_the_spec_says_meanwhile(move: Move) -> None:
    services = {"orders": {"image": "bookstore/app:3"}}
    root = moving(move, image="bookstore/app:2", services=services)
    images = {
        one["spec"]["template"]["spec"]["containers"][0]["image"]
        for (kind, name), one in made(root).items()
        if kind in {"Deployment", "Job"} and name != "shop-gateway"
    }
    assert images == {"bookstore/app:1"}
    own = ("bookstore/app:3",) if move.to is Topology.MICROSERVICES else ()
    assert root.postponed == ("bookstore/app:2", *own)


@pytest.mark.parametrize("budget", [40, 120, 400])
@EACH
def test_both_sides_together_stay_within_the_connections_of_the_database(
    move: Move, budget: int
) -> None:
    root = moving(move, web={"connectionBudget": budget})
    assert least_connections(root, (root, *root.services)) <= budget
    opened = 0
    for part in (root, *root.services):
        told = sizes(part)
        each = int(told.get("WEB_CONCURRENCY", 2)) * (int(told.get("DB_POOL_SIZE", 4)) * 2 + 1)
        opened += (part.spec.most_replicas + 1) * each + 1
    assert opened <= budget


@pytest.mark.parametrize("to", Topology)
def test_what_starts_on_a_volume_of_one_node_goes_to_the_node_of_what_is_there(
    to: Topology,
) -> None:
    move = Move(to=to, phase=MovePhase.STARTING, image="bookstore/app:1", generation=2)
    objects = made(moving(move, storage={"claim": {}}))

    def beside(name: str) -> set[str]:
        pod = objects["Deployment", name]["spec"]["template"]["spec"]
        affinity = pod["affinity"]["podAffinity"]
        (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        selector = term["labelSelector"]
        own = selector["matchLabels"].get("app.kubernetes.io/component")
        return {own} if own else set(selector["matchExpressions"][0]["values"])

    everybody = {"web", *SERVICES}
    comes = ["shop"] if to is Topology.MONOLITH else [f"shop-{name}" for name in SERVICES]
    assert all(beside(name) == everybody for name in comes)
    stays = {"shop", *(f"shop-{name}" for name in SERVICES)} - set(comes)
    assert all(beside(name) < everybody for name in stays), "they are not replaced for it"


@pytest.mark.parametrize(
    ("status", "topology"),
    [
        ({"image": "bookstore/app:1"}, Topology.MONOLITH),
        ({"image": "bookstore/app:1", "services": [{"name": "auth"}]}, Topology.MICROSERVICES),
        ({"services": [{"name": "auth", "image": "bookstore/app:1"}]}, Topology.MICROSERVICES),
        ({"database": {"schemaRevision": "7"}}, Topology.MONOLITH),
        ({"topology": "Microservices", "image": "x"}, Topology.MICROSERVICES),
    ],
)
def test_a_store_is_what_its_status_shows_that_it_served_as(
    status: Manifest, topology: Topology
) -> None:
    for wanted in Topology:
        assert store(topology=wanted.value, status=status).sides.led_to is topology


@pytest.mark.parametrize("wanted", Topology)
@pytest.mark.parametrize("status", [None, {"topology": "Monolith", "services": [{"name": "auth"}]}])
def test_a_store_that_never_had_a_schema_is_what_its_spec_says(
    status: Manifest | None, wanted: Topology
) -> None:
    assert store(topology=wanted.value, status=status).sides.led_to is wanted
