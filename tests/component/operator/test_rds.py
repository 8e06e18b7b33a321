"""A store whose database is on RDS, with a script in the place of ACK's controller."""

from __future__ import annotations

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.controllers import NOW
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

RDS: Manifest = {"instanceClass": "db.t4g.medium", "deletionProtection": False}
ON_RDS: Manifest = {"database": {"rds": RDS}}
PLACE = ("dbinstances", "books", "shop-rds")
ENDPOINT: Manifest = {"address": "shop.example.us-east-1.rds.amazonaws.com", "port": 3306}


async def ack_says(stage: Stage, *conditions: Manifest, **status: object) -> None:
    """Write the status that ACK gives a DBInstance."""
    patch = {"status": {"conditions": list(conditions), **status}}
    stage.cluster.merge(PLACE, patch, "ack", "status")
    await stage.cluster.tell()


def condition(kind: str, message: str) -> Manifest:
    return {"type": kind, "status": "True", "message": message, "lastTransitionTime": NOW}


async def begun(stage: Stage, **spec: object) -> None:
    """Make a store, and wait until ACK is asked for its instance, which it does not make yet."""
    stage.held = {"dbinstances"}
    await stage.store(**{**ON_RDS, **spec})
    await stage.until(lambda: stage.find("dbinstances", "shop-rds") is not None)


async def test_a_store_waits_for_its_endpoint_and_serves_with_it(bare: Stage) -> None:
    async with controlling(bare):
        await begun(bare)
        await bare.until(
            lambda: bare.condition("DatabaseReady") == ("False", "DatabaseProvisioning")
        )
        await bare.until_passes()
        assert bare.find("deployments", "shop") is None
        assert not [place for place in bare.cluster.objects if place[0] == "jobs"]
        await ack_says(bare, dbInstanceStatus="available", endpoint=ENDPOINT)
        await bare.until_ready()
        config = bare.get("configmaps", bare.named("configmaps", "shop-config-"))
        assert config["data"]["DB_HOST"] == ENDPOINT["address"]
        assert config["data"]["DB_TLS"] == "required"
        assert bare.get("bookstores", "shop")["status"]["database"]["host"] == ENDPOINT["address"]
        await bare.until_quiet()


async def test_what_ack_gives_up_is_told_in_its_words_and_ends_when_it_is_mended(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await begun(bare)
        await ack_says(bare, condition("ACK.Terminal", "DBSubnetGroupNotFoundFault: private"))
        await bare.until_told("DatabaseFailed")
        assert "DBSubnetGroupNotFoundFault: private" in bare.message("Degraded")
        await ack_says(bare, dbInstanceStatus="available", endpoint=ENDPOINT)
        await bare.until_ready()


async def test_a_store_without_ack_says_where_to_get_it_and_goes_on_when_it_comes(
    bare: Stage,
) -> None:
    fault = Fault("*", "/apis/rds.services.k8s.aws/", 404, times=10**6, message="")
    bare.server.faults.append(fault)
    async with controlling(bare):
        await bare.store(**ON_RDS)
        await bare.until_told("KindMissing")
        assert "install the ACK controller for Amazon RDS" in bare.message("DatabaseReady")
        await bare.secret()
        await bare.store("other", storage={"efs": {"fileSystemId": "fs-76543210"}})
        await bare.until_ready("other")
        fault.times = 0
        await bare.until_ready()


async def test_retain_leaves_the_instance_and_a_new_store_takes_it(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**ON_RDS)
        before = bare.get("dbinstances", "shop-rds")
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        kept = bare.get("dbinstances", "shop-rds")
        assert kept["metadata"]["uid"] == before["metadata"]["uid"]
        assert kept["metadata"]["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
        await bare.until(lambda: bare.find("secrets", "shop-secret") is None)
        await bare.made(**ON_RDS)
        again = bare.get("dbinstances", "shop-rds")
        assert again["metadata"]["uid"] == before["metadata"]["uid"]
        key = again["spec"]["masterUserPassword"]["key"]
        assert key != before["spec"]["masterUserPassword"]["key"], "ACK sets the new password"
        data = bare.get("secrets", "shop-secret")["data"]
        assert data[key] == data["database-password"]


async def test_delete_takes_the_instance_with_a_last_snapshot(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(deletionPolicy="Delete", **ON_RDS)
        held = {"metadata": {"finalizers": ["finalizers.rds.services.k8s.aws/DBInstance"]}}
        await bare.edit("dbinstances", "shop-rds", held)
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.condition("Ready") == ("False", "Terminating"))
        assert "DBInstance books/shop-rds" in bare.message("Ready")
        notes = bare.get("dbinstances", "shop-rds")["metadata"]["annotations"]
        assert notes["services.k8s.aws/deletion-policy"] == "delete"
        assert notes["rds.services.k8s.aws/skip-final-snapshot"] == "false"
        await bare.edit("dbinstances", "shop-rds", {"metadata": {"finalizers": None}})
        await bare.until(lambda: bare.find("bookstores", "shop") is None)


async def test_a_policy_that_changes_just_before_the_end_is_the_one_that_counts(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await bare.made(**ON_RDS)
    await bare.edit("bookstores", "shop", {"spec": {"deletionPolicy": "Delete"}})
    held = {"metadata": {"finalizers": ["finalizers.rds.services.k8s.aws/DBInstance"]}}
    await bare.edit("dbinstances", "shop-rds", held)
    await bare.delete("bookstores", "shop")
    async with controlling(bare):
        await bare.until(
            lambda: "deletionTimestamp" in bare.get("dbinstances", "shop-rds")["metadata"]
        )
        notes = bare.get("dbinstances", "shop-rds")["metadata"]["annotations"]
        assert notes["services.k8s.aws/deletion-policy"] == "delete"
        await bare.edit("dbinstances", "shop-rds", {"metadata": {"finalizers": None}})
        await bare.until(lambda: bare.find("bookstores", "shop") is None)


async def test_what_ack_and_rds_fill_in_is_left_alone(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**ON_RDS)
        filled = {"spec": {"engineVersion": "8.4.5", "availabilityZone": "us-east-1a"}}
        bare.cluster.merge(PLACE, filled, "ack")
        await bare.cluster.tell()
        await bare.until_quiet()
        spec = bare.get("dbinstances", "shop-rds")["spec"]
        assert (spec["engineVersion"], spec["availabilityZone"]) == ("8.4.5", "us-east-1a")
        await bare.edit("dbinstances", "shop-rds", {"spec": {"dbInstanceClass": "db.t4g.micro"}})
        await bare.until(
            lambda: (
                bare.get("dbinstances", "shop-rds")["spec"]["dbInstanceClass"] == "db.t4g.medium"
            )
        )
