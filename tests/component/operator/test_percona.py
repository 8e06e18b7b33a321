"""A store on a cluster of Percona's operator, with a script in that operator's place."""

from __future__ import annotations

from functools import partial

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

ON_PERCONA: Manifest = {"database": {"percona": {}}}
CLUSTER = ("perconaxtradbclusters", "shop-db")
WITH_VOLUMES = "percona.com/delete-pxc-pvc"


async def percona_says(stage: Stage, **status: object) -> None:
    """Write the status that Percona's operator gives its cluster."""
    plural, name = CLUSTER
    stage.cluster.merge((plural, "books", name), {"status": status}, "percona", "status")
    await stage.cluster.tell()


async def let_go(stage: Stage) -> None:
    """Release the cluster, as Percona's operator does once it has taken it down."""
    await stage.edit(*CLUSTER, {"metadata": {"finalizers": None}})


async def begun(stage: Stage, **spec: object) -> None:
    stage.held = {CLUSTER[0]}
    await stage.store(**{**ON_PERCONA, **spec})
    await stage.until(lambda: stage.find(*CLUSTER) is not None)


async def test_a_store_waits_for_its_cluster_and_serves_through_the_proxies(bare: Stage) -> None:
    async with controlling(bare):
        await begun(bare)
        await percona_says(bare, state="initializing")
        await bare.until(
            lambda: bare.condition("DatabaseReady") == ("False", "DatabaseProvisioning")
        )
        await bare.until_passes()
        assert bare.find("deployments", "shop") is None
        await percona_says(bare, state="ready")
        await bare.until_ready()
        config = bare.get("configmaps", bare.named("configmaps", "shop-config-"))
        assert config["data"]["DB_HOST"] == "shop-db-haproxy"
        await bare.until_quiet()


async def test_reads_go_to_replicas_and_back_by_an_edit(bare: Stage) -> None:
    def told() -> str | None:
        template = bare.get("deployments", "shop")["spec"]["template"]["spec"]
        (started,) = {
            source["configMapRef"]["name"]
            for container in template["containers"]
            for source in container["envFrom"]
            if "configMapRef" in source
        }
        host = bare.get("configmaps", started)["data"].get("DB_READER_HOST")
        return None if host is None else str(host)

    def is_told(host: str | None) -> bool:
        return told() == host

    async with controlling(bare):
        await bare.made(**ON_PERCONA)
        assert is_told(None)
        generation = bare.get(*CLUSTER)["metadata"]["generation"]
        for reads, host in ((True, "shop-db-haproxy-replicas"), (False, None)):
            database = {"percona": {"readFromReplicas": reads}}
            await bare.edit("bookstores", "shop", {"spec": {"database": database}})
            await bare.until(partial(is_told, host))
            await bare.until_ready()
            await bare.until_quiet()
            assert ("exposeReplicas" in bare.get(*CLUSTER)["spec"]["haproxy"]) is reads
        assert bare.get(*CLUSTER)["metadata"]["generation"] > generation


async def test_a_node_that_is_replaced_takes_nothing_from_a_store_that_serves(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await begun(bare)
        await percona_says(bare, state="ready")
        await bare.until_ready()
        before = bare.get("deployments", "shop")["metadata"]["generation"]
        await percona_says(bare, state="initializing")
        await bare.until(
            lambda: bare.condition("DatabaseReady") == ("False", "DatabaseProvisioning")
        )
        assert bare.condition("Available")[0] == "True"
        assert bare.condition("Degraded")[0] == "False"
        await percona_says(bare, state="ready")
        await bare.until_ready()
        assert bare.get("deployments", "shop")["metadata"]["generation"] == before


async def test_what_percona_s_operator_gives_up_is_told_and_ends_when_it_is_mended(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await begun(bare)
        await percona_says(bare, state="error", message=["image not found"])
        await bare.until_told("DatabaseFailed")
        assert "image not found" in bare.message("Degraded")
        await percona_says(bare, state="ready", message=None)
        await bare.until_ready()


async def test_a_store_without_percona_s_operator_says_where_to_get_it(bare: Stage) -> None:
    fault = Fault("*", "/apis/pxc.percona.com/", 404, times=10**6, message="")
    bare.server.faults.append(fault)
    async with controlling(bare):
        await bare.store(**ON_PERCONA)
        await bare.until_told("KindMissing")
        assert "install Percona Operator for MySQL" in bare.message("DatabaseReady")
        fault.times = 0
        await bare.until_ready()


async def test_retain_takes_the_cluster_down_and_leaves_its_volumes(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**ON_PERCONA)
        bare.held = {CLUSTER[0]}
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.condition("Ready") == ("False", "Terminating"))
        assert "PerconaXtraDBCluster books/shop-db" in bare.message("Ready")
        assert WITH_VOLUMES not in bare.get(*CLUSTER)["metadata"]["finalizers"]
        await let_go(bare)
        await bare.until(lambda: bare.find("bookstores", "shop") is None)


async def test_a_policy_that_changes_just_before_the_end_is_the_one_that_counts(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await bare.made(**ON_PERCONA)
    bare.held = {CLUSTER[0]}
    await bare.edit("bookstores", "shop", {"spec": {"deletionPolicy": "Delete"}})
    await bare.delete("bookstores", "shop")
    async with controlling(bare):
        await bare.until(lambda: "deletionTimestamp" in bare.get(*CLUSTER)["metadata"])
        assert WITH_VOLUMES in bare.get(*CLUSTER)["metadata"]["finalizers"]
        await let_go(bare)
        await bare.until(lambda: bare.find("bookstores", "shop") is None)


async def test_what_percona_s_operator_fills_in_is_left_alone(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**ON_PERCONA)
        plural, name = CLUSTER
        filled = {"spec": {"crVersion": "1.18.0"}}
        bare.cluster.merge((plural, "books", name), filled, "percona")
        await bare.cluster.tell()
        await bare.until_quiet()
        assert bare.get(*CLUSTER)["spec"]["crVersion"] == "1.18.0"
        await bare.edit(*CLUSTER, {"spec": {"haproxy": {"size": 9}}})
        await bare.until(lambda: bare.get(*CLUSTER)["spec"]["haproxy"]["size"] == 2)
