"""A store's Application Load Balancer is what its Ingress says, made by AWS' own controller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.kube import ApiError, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.real.parts.loadbalancers.cloud import Cloud
from tests.real.parts.loadbalancers.part import INGRESS_CLASS
from tests.real.support.objects import host_name
from tests.support.poll import eventually

HOSTS = ["books.example.com", "libros.example.com"]
PORT = 5000


@pytest.fixture(scope="module")
def certificate(cloud: Cloud) -> str:
    return cloud.certificate(HOSTS[0])


@pytest.fixture(scope="module")
def store(cloud: Cloud, module_lab: Lab, certificate: str) -> Iterator[Store]:
    """Run a store that readers reach by https, through an Ingress of AWS."""
    store = module_lab.external("alb", exposure=exposure(certificate))
    store.wait_ready(within=180)
    yield store
    store.delete()


def exposure(certificate: str) -> Manifest:
    tls = {"certificateArn": certificate}
    return {"ingress": {"className": INGRESS_CLASS, "hosts": HOSTS, "alb": {}, "tls": tls}}


def balancer_of(store: Store, cloud: Cloud) -> Manifest:
    return cloud.balancer(host_name(store.child("Ingress", f"-ingress-{INGRESS_CLASS}")))


def wait_targets(store: Store, cloud: Cloud) -> None:
    """Wait until the targets are the store's pods, as many as it wants, and no others."""
    (group,) = cloud.target_groups(balancer_of(store, cloud))

    def registered() -> None:
        addresses = {(pod["status"]["podIP"], PORT) for pod in store.pods()}
        assert len(addresses) == store.get()["spec"]["replicas"]
        assert cloud.targets(group) == addresses

    eventually(registered, within=90)


def test_it_faces_the_internet_and_the_store_has_the_url_of_its_first_host(
    store: Store, cloud: Cloud
) -> None:
    balancer = balancer_of(store, cloud)
    assert (balancer["Type"], balancer["Scheme"]) == ("application", "internet-facing")
    assert store.get()["status"]["url"] == f"https://{HOSTS[0]}"
    assert store.told("Exposed", "True") == f"The shop is at https://{HOSTS[0]}."
    tags = cloud.tags(balancer["LoadBalancerArn"])
    assert tags["elbv2.k8s.aws/cluster"] == "bookstore"


def test_https_ends_there_and_http_is_sent_to_it(
    store: Store, cloud: Cloud, certificate: str
) -> None:
    listeners = cloud.listeners(balancer_of(store, cloud))
    assert {port: one["Protocol"] for port, one in listeners.items()} == {80: "HTTP", 443: "HTTPS"}
    assert cloud.certificates(listeners[443]) == [certificate]
    assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    (redirect,) = listeners[80]["DefaultActions"]
    assert redirect["Type"] == "redirect"
    told = redirect["RedirectConfig"]
    assert (told["Protocol"], told["Port"], told["StatusCode"]) == ("HTTPS", "443", "HTTP_301")


def test_the_hosts_alone_lead_to_the_pods(store: Store, cloud: Cloud) -> None:
    balancer = balancer_of(store, cloud)
    (group,) = cloud.target_groups(balancer)
    *hosts, rest = cloud.rules(cloud.listeners(balancer)[443])
    asked = {
        value
        for rule in hosts
        for condition in rule["Conditions"]
        if condition["Field"] == "host-header"
        for value in condition["HostHeaderConfig"]["Values"]
    }
    assert asked == set(HOSTS)
    for rule in hosts:
        (action,) = rule["Actions"]
        (chosen,) = action["ForwardConfig"]["TargetGroups"]
        assert chosen["TargetGroupArn"] == group["TargetGroupArn"]
    (answer,) = rest["Actions"]
    assert answer["FixedResponseConfig"]["StatusCode"] == "404"


def test_it_asks_its_pods_whether_they_live_and_drains_them(store: Store, cloud: Cloud) -> None:
    (group,) = cloud.target_groups(balancer_of(store, cloud))
    assert (group["TargetType"], group["Protocol"]) == ("ip", "HTTP")
    assert (group["HealthCheckProtocol"], group["HealthCheckPath"]) == ("HTTP", "/healthz")
    assert group["Matcher"] == {"HttpCode": "200"}
    assert group["HealthCheckIntervalSeconds"] == 10
    assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (2, 2)
    attributes = cloud.attributes("target_group", group["TargetGroupArn"])
    assert attributes["deregistration_delay.timeout_seconds"] == "30"


def test_the_targets_follow_the_pods(store: Store, cloud: Cloud) -> None:
    wait_targets(store, cloud)
    store.edit(replicas=2)
    store.wait_ready()
    wait_targets(store, cloud)


def test_what_a_live_one_is_may_not_be_edited(store: Store) -> None:
    before = store.get()["spec"]
    with pytest.raises(ApiError, match="of a live Application Load Balancer cannot change"):
        store.edit(exposure={"ingress": {"alb": {"scheme": "Internal"}}})
    assert store.get()["spec"] == before


def test_a_new_certificate_takes_the_place_of_the_old_one_on_the_same_load_balancer(
    store: Store, cloud: Cloud
) -> None:
    before = balancer_of(store, cloud)
    renewed = cloud.certificate(HOSTS[0])
    store.edit(exposure=exposure(renewed))

    def changed() -> None:
        assert cloud.certificates(cloud.listeners(before)[443]) == [renewed]

    eventually(changed, within=60)
    store.wait_ready()
    assert balancer_of(store, cloud)["LoadBalancerArn"] == before["LoadBalancerArn"]


def test_it_goes_with_its_store(module_lab: Lab, cloud: Cloud) -> None:
    ingress = {"className": INGRESS_CLASS, "hosts": HOSTS[:1], "alb": {}}
    store = module_lab.external("brief", exposure={"ingress": ingress})
    store.wait_ready(within=180)
    balancer = balancer_of(store, cloud)
    assert store.get()["status"]["url"] == f"http://{HOSTS[0]}"
    assert set(cloud.listeners(balancer)) == {80}
    groups = [one["TargetGroupArn"] for one in cloud.target_groups(balancer)]
    store.delete()

    def gone() -> None:
        assert cloud.arns().isdisjoint([balancer["LoadBalancerArn"], *groups])

    eventually(gone, within=60)
