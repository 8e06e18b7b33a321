"""An operator of today takes over stores that one of before made, while people buy.

Each test begins where the one before it has ended: the upgrade, an edit, and a restore of what was
backed up before, in the way of then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster.images import Images
from cluster.kindcluster import Cluster
from cluster.steps import Step
from tests.cluster.support.backups import Task, checksums
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import opened
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import Store
from tests.support import resolved
from tests.support.poll import eventually
from tests.upgrade.conftest import upgrade
from tests.upgrade.release import Release

HOST = "books.example.com"
COVER = "/app/uploads/0123456789abcdef.webp"
ROWS = ("orders", "purchases", "purchase_lines", "shipments", "books", "sellers")
BACKUP = ("bookstore", "backup")
LARGER = {"requests": {"cpu": "11m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}}
QUIET = 15
"""Seconds, in which a store that is not at rest would be written to."""

WRITTEN = {"BookStore/status", "Event", "NetworkPolicy"}
"""What today's operator has to say of a store of before, and all that it may write for it."""

ADDED = "NetworkPolicy/{store}-backup"
"""What a store of before backups is given: no pod that runs is selected by it."""


@dataclass
class Shop:
    """A store of before, the people in it, and what they had when it was backed up.

    Attributes:
        store: The store.
        crowd: People who are logged in since before.
        backup: The name of the backup.
        orders: The buyer's orders at that moment.
    """

    store: Store
    crowd: Crowd
    backup: str = ""
    orders: set[str] = field(default_factory=set)

    @property
    def pod(self) -> Manifest:
        (pod, *_) = self.store.pods()
        return pod

    def restore(self, name: str) -> Task:
        """Ask for the restore of what was backed up."""
        name, spec = f"{self.store.name}-{name}", {"backup": {"name": self.backup}}
        return Task.ask(self.store, "BookStoreRestore", name, replace=True, **spec)

    def images_served(self) -> list[str]:
        return [entry["image"] for entry in self.store.get()["status"]["history"]]

    def is_told_anew(self) -> None:
        """Check that the store is ready by what today's operator says of it."""
        self.store.told("Ready", "True")
        status = self.store.get()["status"]
        assert [one["image"] for one in status.get("history", [])] == [status["image"]], status

    def buying(self) -> Crowd:
        """Return the same people, about to shop again."""
        return Crowd(self.crowd.buyer, self.crowd.reader, self.crowd.book)

    def children(self) -> dict[str, Manifest]:
        """Return what the operator made as it wants it, without what the cluster notes of it."""
        return {
            f"{child['kind']}/{child['metadata']['name']}": settled(child)
            for child in self.store.children()
        }

    def pods(self) -> dict[str, int]:
        """Return how often each of the store's pods was restarted, by uid."""
        found = [*self.store.pods(), *self.store.pods("database")]
        return {
            pod["metadata"]["uid"]: sum(
                one["restartCount"] for one in pod["status"]["containerStatuses"]
            )
            for pod in found
        }


def settled(child: Manifest) -> Manifest:
    passing = {"managedFields", "resourceVersion"}
    metadata = {name: value for name, value in child["metadata"].items() if name not in passing}
    return {name: value for name, value in child.items() if name != "status"} | {
        "metadata": metadata
    }


@pytest.fixture(scope="module")
def lab(kube: Kube, former: Images, mysql: MySQL) -> Iterator[Lab]:
    """Make stores with the images of before."""
    images = {"APP_IMAGE": former.app, "MYSQL_IMAGE": former.mysql}
    with opened(kube, "upgrade") as name:
        yield Lab(kube, name, images, mysql)


@pytest.fixture(scope="module")
def embedded(lab: Lab, cluster: Cluster, release: Release) -> Shop:
    """Make a store with a database of its own, and backups as environments had them then."""
    store = Store(lab.kube, lab.namespace, "bookstore")
    database = {"embedded": {"image": lab.images["MYSQL_IMAGE"]}}
    folder = release.folder / "store"
    folder.mkdir()
    (folder / "store.yaml").write_text(json.dumps(store.manifest(lab.spec(store.name, database))))
    component = Path("../manifests/components/backups-embedded")
    made_then = (release.folder / "manifests" / "components" / component.name).is_dir()
    kustomization = {
        "namespace": lab.namespace,
        "resources": ["store.yaml"],
        "components": [str(component)] if made_then else [],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    cluster.apply("-k", folder)
    store.wait_ready(within=240)
    return Shop(store, Crowd.of(store))


@pytest.fixture(scope="module")
def external(lab: Lab) -> Shop:
    """Make a store of two pods on a database of its own, under a domain."""
    exposure = {"loadBalancer": {"host": HOST}}
    store = lab.external(replicas=2, exposure=exposure)
    store.wait_ready(within=240)
    (address,) = store.child("Service", "-svc")["status"]["loadBalancer"]["ingress"]
    way = resolved.transport(address["ip"])
    return Shop(store, Crowd.of(store, f"http://{HOST}", way))


@pytest.fixture(scope="module")
def shops(embedded: Shop, external: Shop) -> list[Shop]:
    """Have people buy in both stores, and then back these up in the way of then."""
    found = [embedded, external]
    for shop in found:
        with shop.buying() as crowd:
            eventually(crowd_bought(crowd, 5), within=60)
        assert crowd.failed == []
        shop.store.exec(shop.pod, "sh", "-c", f"printf cover > {COVER}")
        shop.orders = set(shop.crowd.buyer.orders())
        shop.backup = back_up(shop.store)
    return found


def crowd_bought(crowd: Crowd, least: int) -> Callable[[], None]:
    def bought() -> None:
        assert crowd.bought >= least, crowd.failed

    return bought


def back_up(store: Store) -> str:
    """Back a store up by its CronJob, where a person has one, or by the shop's command."""
    where = ("-n", store.namespace)
    if store.kube.find("CronJob", store.namespace, f"{store.name}-backup") is None:
        told = store.kube.kubectl("exec", *where, f"deploy/{store.name}", "--", *BACKUP)
        return str(json.loads(told.splitlines()[-1])["backup"])
    store.kube.kubectl("create", *where, "job", "by-hand", f"--from=cronjob/{store.name}-backup")
    store.kube.kubectl("wait", *where, "job/by-hand", "--for=condition=Complete", "--timeout=110s")
    told = store.kube.kubectl("logs", *where, "job/by-hand")
    return str(json.loads(told.splitlines()[-1])["backup"])


def written(operator: Operator) -> set[str]:
    """Return the kinds that the operator has written since it started."""
    counted = {name for name, value in operator.metrics().items() if value}
    return {
        name.partition('kind="')[2].partition('"')[0]
        for name in counted
        if name.startswith("bookstore_writes_total")
    }


def test_an_upgrade_of_the_operator_is_noticed_by_nobody(
    kube: Kube, cluster: Cluster, shops: list[Shop], today: Images, operator: Operator
) -> None:
    children = [shop.children() for shop in shops]
    pods = [shop.pods() for shop in shops]
    generations = [shop.store.get()["metadata"]["generation"] for shop in shops]
    with ExitStack() as people:
        crowds = [people.enter_context(shop.buying()) for shop in shops]
        upgrade(cluster, today)
        operator.pod()
        for shop in shops:
            eventually(shop.is_told_anew, within=120)
        told = list(kube.watch("BookStore", shops[0].store.namespace, seconds=QUIET))
    assert told == [], "a store that is at rest is left alone"
    assert [crowd.failed for crowd in crowds] == [[], []]
    assert min(crowd.bought for crowd in crowds) > 5
    assert written(operator) <= WRITTEN
    for shop, before in zip(shops, children, strict=True):
        after = shop.children()
        assert after.keys() - before.keys() <= {ADDED.format(store=shop.store.name)}
        assert {name: after.get(name) for name in before} == before
    assert [shop.pods() for shop in shops] == pods
    assert [shop.store.get()["metadata"]["generation"] for shop in shops] == generations


def test_a_restore_that_the_image_of_then_does_not_know_changes_nothing(
    release: Release, external: Shop
) -> None:
    if "--dry-run" in (release.folder / "app/bookstore/cli/backups.py").read_text():
        pytest.skip(f"the shop of {release.revision} can verify a backup alone")
    with external.buying() as crowd:
        early = external.restore("early")
        early.wait("Failed")
    assert "too old to know" in early.message()
    assert "set spec.image of the store to a newer one; nothing was changed" in early.message()
    assert crowd.failed == []
    assert crowd.bought > 0


def test_the_image_of_today_rolls_out_without_a_failed_request(
    shops: list[Shop], former: Images, today: Images
) -> None:
    with ExitStack() as people:
        crowds = [people.enter_context(shop.buying()) for shop in shops]
        for shop in shops:
            shop.store.edit(image=today.app)
        for shop in shops:
            shop.store.wait_ready(within=240)
    assert [crowd.failed for crowd in crowds] == [[], []]
    for shop in shops:
        assert shop.images_served() == [former.app, today.app]


def test_what_was_backed_up_before_is_restored(shops: list[Shop]) -> None:
    for shop in shops:
        buyer, store = shop.crowd.buyer, shop.store
        assert shop.orders < set(buyer.orders()), "people went on buying"
        store.exec(shop.pod, "rm", COVER)
        shop.restore("back").wait("Complete", within=300)
        store.wait_ready()

        assert buyer.is_logged_out(), "a session of before opens no account"
        buyer.log_in(buyer.email)
        assert set(buyer.orders()) == shop.orders
        assert store.exec(shop.pod, "cat", COVER) == "cover"
        after = Task.ask(store, "BookStoreBackup", f"{store.name}-after").wait("Complete")
        then, now = rows(store, shop.backup), rows(store, after["backup"])
        assert len(then) == len(ROWS)
        assert now == then
        buyer.buy(shop.crowd.book)


def rows(store: Store, backup: str) -> dict[str, str]:
    """Return the checksums of the rows in a backup that are equal where nobody does anything."""
    found = checksums(store, backup)
    return {path: told for path, told in found.items() if path.split("/")[-1].split(".")[0] in ROWS}


def test_a_persons_own_backups_make_room_for_the_operators(kube: Kube, embedded: Shop) -> None:
    store, name = embedded.store, f"{embedded.store.name}-backup"
    if kube.find("CronJob", store.namespace, name) is None:
        pytest.skip("environments had no CronJob of that name then")
    store.edit(backup={"schedule": "@yearly"})
    eventually(lambda: store.told("BackedUp", "False", "Conflict"), within=60)
    store.told("Ready", "True")
    kube.delete("CronJob", store.namespace, name)
    # The backup that was asked for counts.
    eventually(lambda: store.told("BackedUp", "True", "Reconciled"), within=120)
    assert kube.get("CronJob", store.namespace, name)["spec"]["schedule"] == "@yearly"


def test_the_operator_of_before_takes_its_stores_back(
    cluster: Cluster, release: Release, former: Images, external: Shop
) -> None:
    before = external.pods()
    with external.buying() as crowd:
        release.take_back(cluster, former, Step("the operator of before"))
        external.store.edit(resources=LARGER)
        external.store.wait_ready(within=240)
    assert crowd.failed == []
    assert external.pods().keys().isdisjoint(before), "it acts"
