"""Generated credentials, with the operator away."""

from __future__ import annotations

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.stage import Stage, controlling

EMBEDDED: Manifest = {"database": {"embedded": {}}}
SECRET = ("secrets", "shop-secret")


def lose(stage: Stage, prefix: str) -> None:
    """Delete Secrets for good, as somebody does who takes their finalizers off."""
    for place in [
        p for p in stage.cluster.objects if p[0] == "secrets" and p[2].startswith(prefix)
    ]:
        stage.cluster.merge(place, {"metadata": {"finalizers": None}}, "kubectl-edit")
        stage.cluster.delete(place)


async def made(stage: Stage) -> Manifest:
    async with controlling(stage):
        await stage.made(**EMBEDDED)
    return stage.get(*SECRET)


async def test_a_secret_that_was_lost_meanwhile_comes_back_as_it_was(bare: Stage) -> None:
    before = await made(bare)
    lose(bare, "shop-secret")
    async with controlling(bare):
        await bare.until(lambda: bare.find(*SECRET) is not None)
        await bare.until_ready()
        await bare.until_quiet()
    assert bare.get(*SECRET)["data"] == before["data"]


async def test_a_secret_that_was_lost_with_its_copies_is_not_made_anew(bare: Stage) -> None:
    await made(bare)
    lose(bare, "shop-")
    async with controlling(bare):
        await bare.until_told("CredentialsLost")
        await bare.until_quiet()
        assert bare.find(*SECRET) is None
        assert bare.find("deployments", "shop"), "what runs is left as it is"
    async with controlling(bare):
        await bare.until_quiet()
        assert bare.find(*SECRET) is None, "a restart changes nothing of it"
        assert bare.condition("Degraded") == ("True", "CredentialsLost")


async def test_a_secret_that_a_person_puts_back_heals_the_store(bare: Stage) -> None:
    before = await made(bare)
    lose(bare, "shop-")
    async with controlling(bare):
        await bare.until_told("CredentialsLost")
        labels = {
            "app.kubernetes.io/managed-by": "bookstore-operator",
            "app.kubernetes.io/instance": "shop",
        }
        restored = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"labels": labels},
            "data": before["data"],
        }
        bare.cluster.apply(("secrets", "books", "shop-secret"), restored, "somebody")
        await bare.cluster.tell()
        await bare.until_ready()
    assert bare.get(*SECRET)["data"] == before["data"]
    assert bare.get(*SECRET)["metadata"]["finalizers"]


async def test_a_secret_whose_root_went_meanwhile_is_let_go(bare: Stage) -> None:
    await made(bare)
    bare.cluster.merge(
        ("bookstores", "books", "shop"), {"metadata": {"finalizers": None}}, "kubectl-edit"
    )
    await bare.delete("bookstores", "shop")
    terminating = "deletionTimestamp"
    await bare.until(lambda: terminating in (bare.find(*SECRET) or {"metadata": {}})["metadata"])
    async with controlling(bare):
        await bare.until(lambda: bare.find(*SECRET) is None)
