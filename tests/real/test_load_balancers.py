"""A store's Network Load Balancer is what its spec says, made by AWS' own controller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.kube import ApiError, Manifest
from tests.cluster.support.lab import RESOURCES, Lab
from tests.cluster.support.store import Store
from tests.real.parts.loadbalancers.cloud import Cloud
from tests.real.parts.loadbalancers.part import BALANCER_CLASS
from tests.real.support.objects import host_name
from tests.support.poll import eventually

HOST = "books.example.com"
PORTS = {80: 5000, 443: 5443}


@pytest.fixture(scope="module")
def certificate(cloud: Cloud) -> str:
    return cloud.certificate(HOST)


@pytest.fixture(scope="module")
def store(cloud: Cloud, module_lab: Lab, certificate: str) -> Iterator[Store]:
    """Run a store that readers reach by https, as on EKS."""
    store = module_lab.external("nlb", exposure=exposure(certificate))
    store.wait_ready(within=180)
    yield store
    store.delete()


def exposure(certificate: str, **changes: str) -> Manifest:
    aws = {"scheme": "InternetFacing", "targetType": "IP", "certificateArn": certificate}
    balancer = {"host": HOST, "loadBalancerClass": BALANCER_CLASS, "aws": aws, **changes}
    return {"loadBalancer": balancer}


def balancer_of(store: Store, cloud: Cloud) -> Manifest:
    return cloud.balancer(host_name(store.child("Service", "-svc")))


def wait_targets(store: Store, cloud: Cloud) -> None:
    """Wait until each port's targets are the store's pods, as many as it wants, and no others."""
    groups = cloud.groups_of_ports(balancer_of(store, cloud))

    def registered() -> None:
        addresses = {pod["status"]["podIP"] for pod in store.pods()}
        assert len(addresses) == store.get()["spec"]["replicas"]
        for port, target in PORTS.items():
            assert cloud.targets(groups[port]) == {(one, target) for one in addresses}

    eventually(registered, within=90)


def test_it_faces_the_internet_and_the_store_has_the_url_of_its_host(
    store: Store, cloud: Cloud
) -> None:
    balancer = balancer_of(store, cloud)
    assert (balancer["Type"], balancer["Scheme"]) == ("network", "internet-facing")
    assert store.get()["status"]["url"] == f"https://{HOST}"
    assert store.told("Exposed", "True") == f"The shop is at https://{HOST}."


def test_it_is_marked_as_the_cluster_s_and_the_store_s(store: Store, cloud: Cloud) -> None:
    tags = cloud.tags(balancer_of(store, cloud)["LoadBalancerArn"])
    assert tags["elbv2.k8s.aws/cluster"] == "bookstore"
    assert tags["service.k8s.aws/stack"] == f"{store.namespace}/{store.name}-svc"


def test_https_ends_there_with_the_certificate_of_acm_and_http_is_passed_on(
    store: Store, cloud: Cloud, certificate: str
) -> None:
    listeners = cloud.listeners(balancer_of(store, cloud))
    assert {port: one["Protocol"] for port, one in listeners.items()} == {80: "TCP", 443: "TLS"}
    assert cloud.certificates(listeners[443]) == [certificate]
    assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert cloud.certificates(listeners[80]) == []


def test_each_port_asks_its_pods_whether_they_live(store: Store, cloud: Cloud) -> None:
    groups = cloud.groups_of_ports(balancer_of(store, cloud))
    assert groups.keys() == PORTS.keys()
    for group in groups.values():
        assert (group["TargetType"], group["Protocol"]) == ("ip", "TCP")
        assert (group["HealthCheckProtocol"], group["HealthCheckPath"]) == ("HTTP", "/healthz")
        assert group["HealthCheckPort"] == "traffic-port"
        assert group["HealthCheckIntervalSeconds"] == 10
        assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (2, 2)


def test_targets_are_drained_and_see_the_readers_own_addresses(store: Store, cloud: Cloud) -> None:
    balancer = balancer_of(store, cloud)
    of_balancer = cloud.attributes("load_balancer", balancer["LoadBalancerArn"])
    assert of_balancer["load_balancing.cross_zone.enabled"] == "true"
    for group in cloud.target_groups(balancer):
        attributes = cloud.attributes("target_group", group["TargetGroupArn"])
        assert attributes["deregistration_delay.timeout_seconds"] == "30"
        assert attributes["preserve_client_ip.enabled"] == "true"


def test_the_targets_follow_the_pods(store: Store, cloud: Cloud) -> None:
    wait_targets(store, cloud)
    store.edit(replicas=2)
    store.wait_ready()
    wait_targets(store, cloud)

    before = {pod["metadata"]["name"] for pod in store.pods()}
    store.edit(resources={**RESOURCES, "limits": {"memory": "520Mi"}})
    store.wait_ready(within=180)
    assert before.isdisjoint(pod["metadata"]["name"] for pod in store.pods())
    wait_targets(store, cloud)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"aws": {"scheme": "Internal"}}, "the scheme of a live load balancer cannot change"),
        ({"aws": {"targetType": "Instance"}}, "the target type of a live load balancer cannot"),
        (
            {"loadBalancerClass": "eks.amazonaws.com/nlb"},
            "loadBalancerClass cannot be set, changed",
        ),
    ],
    ids=["scheme", "target type", "class"],
)
def test_what_a_live_one_is_may_not_be_edited(
    store: Store, change: Manifest, sentence: str
) -> None:
    before = store.get()["spec"]
    with pytest.raises(ApiError, match=sentence) as refusal:
        store.edit(exposure={"loadBalancer": change})
    assert "create a new BookStore" in str(refusal.value)
    assert store.get()["spec"] == before


def test_a_new_certificate_takes_the_place_of_the_old_one_on_the_same_load_balancer(
    store: Store, cloud: Cloud
) -> None:
    before = balancer_of(store, cloud)
    renewed = cloud.certificate(HOST)
    store.edit(exposure=exposure(renewed))

    def changed() -> None:
        listener = cloud.listeners(before)[443]
        assert cloud.certificates(listener) == [renewed]

    eventually(changed, within=60)
    store.wait_ready()
    assert balancer_of(store, cloud)["LoadBalancerArn"] == before["LoadBalancerArn"]
    wait_targets(store, cloud)
