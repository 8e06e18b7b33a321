"""A store of three services: each with its own children, rollouts and failures."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.specs import SPECS, children, made
from tests.component.operator.stage import Stage, controlling

SERVICES = ("auth", "catalogue", "orders")
SPEC = SPECS["microservices"]


def image(stage: Stage, service: str) -> str:
    pod = stage.get("deployments", f"shop-{service}")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def told(stage: Stage) -> dict[str, Manifest]:
    """Return what the status tells of each service."""
    services = stage.get("bookstores", "shop")["status"].get("services", [])
    return {one["name"]: one for one in services}


async def made_here(stage: Stage, **spec: Any) -> None:
    await made(stage, SPEC | spec)


async def test_a_new_store_is_three_services_behind_one_gateway(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        deployments = {name for kind, _, name in children(bare) if kind == "deployments"}
        assert deployments == {"shop-gateway", *(f"shop-{name}" for name in SERVICES)}
        gateway = bare.get("deployments", "shop-gateway")["spec"]["selector"]["matchLabels"]
        assert bare.get("services", "shop-svc")["spec"]["selector"] == gateway
        assert set(told(bare)) == set(SERVICES)
        for name, one in told(bare).items():
            assert one["reason"] == "Reconciled", name
            assert (one["image"], one["readyReplicas"]) == ("bookstore/app:1", 2)
        status = bare.get("bookstores", "shop")["status"]
        assert (status["image"], status["replicaSummary"]) == ("bookstore/app:1", "6/6")
        assert bare.condition("Available") == ("True", "Reconciled")


async def test_no_two_services_share_a_user_a_schema_or_a_key(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        keys, logins = set(), set()
        for name in SERVICES:
            keys.add(bare.get("secrets", f"shop-{name}-key")["data"]["service.pem"])
            config = bare.get("configmaps", bare.named("configmaps", f"shop-{name}-config-"))
            env = bare.get("secrets", bare.named("secrets", f"shop-{name}-env-"))
            logins.add(
                (config["data"]["DB_NAME"], config["data"]["DB_USER"], env["data"]["DB_PASSWORD"])
            )
            (pod,) = [
                live["spec"]["template"]["spec"]
                for live in bare.cluster.select("deployments", "books")
                if live["metadata"]["name"] == f"shop-{name}"
            ]
            secrets = {one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
            assert secrets == {f"shop-{name}-key"}
        assert len(keys) == 3
        for column in zip(*logins, strict=True):
            assert len(set(column)) == 3


async def test_each_service_has_a_history_of_its_own(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        services = {"orders": {"image": "bookstore/app:2"}}
        await bare.edit("bookstores", "shop", {"spec": {"services": services}})
        await bare.until(lambda: len(told(bare)["orders"]["history"]) == 2)
        served = {
            name: [past["image"] for past in one["history"]] for name, one in told(bare).items()
        }
        assert served == {
            "auth": ["bookstore/app:1"],
            "catalogue": ["bookstore/app:1"],
            "orders": ["bookstore/app:1", "bookstore/app:2"],
        }


async def test_a_bad_image_of_one_service_leaves_the_others_rolling(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        bare.statuses[("deployments", "books", "shop-orders")] = stalled
        await bare.edit(
            "bookstores", "shop", {"spec": {"services": {"orders": {"image": "x:bad"}}}}
        )
        await bare.until(lambda: image(bare, "orders") == "x:bad")
        await bare.until_told("RolloutStalled")
        await bare.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:2"}})
        await bare.until(lambda: image(bare, "auth") == "bookstore/app:2")
        await bare.until(lambda: told(bare)["auth"].get("image") == "bookstore/app:2")
        await bare.until(lambda: told(bare)["catalogue"].get("image") == "bookstore/app:2")
        assert told(bare)["orders"]["reason"] == "RolloutStalled"
        assert told(bare)["orders"]["image"] == "bookstore/app:1"
        assert bare.condition("OrdersWebReady") == ("False", "RolloutStalled")
        assert bare.condition("AuthWebReady") == ("True", "Reconciled")


def stalled(live: Manifest) -> Manifest:
    """Return the status of a Deployment whose new pods never got ready."""
    told = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    return {
        "observedGeneration": live["metadata"]["generation"],
        "replicas": 3,
        "readyReplicas": 2,
        "updatedReplicas": 1,
        "availableReplicas": 2,
        "conditions": [told],
    }


@pytest.mark.parametrize("service", SERVICES)
async def test_a_migration_that_does_not_end_holds_its_own_service_alone(
    bare: Stage, service: str
) -> None:
    async with controlling(bare):
        await made_here(bare)
        bare.held.add("jobs")
        services = {service: {"image": "bookstore/app:2"}}
        await bare.edit("bookstores", "shop", {"spec": {"services": services}})
        condition = f"{service.capitalize()}SchemaMigrated"
        await bare.until(lambda: bare.condition(condition) == ("False", "MigrationRunning"))
        assert image(bare, service) == "bookstore/app:1"
        others = [name for name in SERVICES if name != service]
        assert all(told(bare)[name]["reason"] == "Reconciled" for name in others)
        bare.held.clear()
        await bare.until(lambda: image(bare, service) == "bookstore/app:2")
        await bare.until_ready()
        assert {image(bare, name) for name in others} == {"bookstore/app:1"}


async def test_a_service_keeps_the_environment_that_its_pods_may_go_back_to(bare: Stage) -> None:
    def revisions() -> list[str]:
        begin = ("shop-orders-config-", "shop-orders-env-")
        return [name for _, _, name in children(bare) if name.startswith(begin)]

    async with controlling(bare):
        await made_here(bare)
        before = revisions()
        assert len(before) == 2
        await bare.edit("bookstores", "shop", {"spec": {"env": [{"name": "X", "value": "1"}]}})
        await bare.until(lambda: len(revisions()) == 4)
        await bare.until_ready()
        await bare.until_quiet()
        assert set(before) < set(revisions())


async def test_what_is_edited_is_as_before_again(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        for name in ("shop-gateway", "shop-orders"):
            await bare.edit("deployments", name, {"spec": {"replicas": 7}})
        for name in ("shop-gateway", "shop-orders"):
            await bare.until(lambda n=name: bare.get("deployments", n)["spec"]["replicas"] == 2)  # type: ignore[misc]


async def test_a_services_key_that_somebody_rotates_stays(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        old = bare.get("secrets", "shop-auth-key")["data"]["service.pem"]
        two = bare.get("secrets", "shop-orders-key")["data"]["service.pem"]
        await bare.edit("secrets", "shop-auth-key", {"data": {"service.pem": two}})
        await bare.until_quiet()
        assert bare.get("secrets", "shop-auth-key")["data"]["service.pem"] == two
        await bare.edit("secrets", "shop-auth-key", {"data": {"service.pem": "bm8ga2V5"}})
        await bare.until(
            lambda: bare.get("secrets", "shop-auth-key")["data"]["service.pem"] in {old, two}
        )


async def test_a_store_that_hibernates_has_no_pods_and_wakes(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        names = ["shop-gateway", *(f"shop-{name}" for name in SERVICES)]
        await bare.edit("bookstores", "shop", {"spec": {"state": "Hibernated"}})
        await bare.until(
            lambda: all(not bare.get("deployments", one)["spec"]["replicas"] for one in names)
        )
        await bare.edit("bookstores", "shop", {"spec": {"state": "Running"}})
        await bare.until_ready()
        assert all(bare.get("deployments", one)["spec"]["replicas"] == 2 for one in names)


async def test_one_service_alone_is_counted_by_an_autoscaler(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare)
        services = {"catalogue": {"autoscaling": {"minReplicas": 2, "maxReplicas": 5}}}
        await bare.edit("bookstores", "shop", {"spec": {"services": services}})
        await bare.until(
            lambda: bare.find("horizontalpodautoscalers", "shop-catalogue") is not None
        )
        await bare.until_ready()
        assert bare.condition("CatalogueAutoscaling") == ("True", "Reconciled")
        scalers = [name for kind, _, name in children(bare) if kind == "horizontalpodautoscalers"]
        assert scalers == ["shop-catalogue"]


async def test_each_service_logs_in_to_an_external_database_by_its_own_secret(bare: Stage) -> None:
    login = {"database": {"credentialsSecretRef": {"name": "login"}}}
    services = {name: login for name in SERVICES if name != "orders"}
    services["orders"] = {"database": {"credentialsSecretRef": {"name": "orders-login"}}}
    external = {"host": "db", "schema": "books", "credentialsSecretRef": {"name": "nobody"}}
    async with controlling(bare):
        await bare.secret()
        await bare.store(**SPEC | {"database": {"external": external}, "services": services})
        await bare.until_told("SecretNotFound")
        assert "services.orders.database.credentialsSecretRef.name" in bare.message("Degraded")
        await bare.secret("orders-login")
        await bare.until_ready()
        config = bare.get("configmaps", bare.named("configmaps", "shop-orders-config-"))
        assert config["data"]["DB_NAME"] == "books_orders"
        assert "DB_USER" not in config["data"]


async def test_a_store_goes_with_all_that_its_services_had(bare: Stage) -> None:
    async with controlling(bare):
        await made_here(bare, deletionPolicy="Delete")
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        await bare.until(lambda: children(bare) == [])
