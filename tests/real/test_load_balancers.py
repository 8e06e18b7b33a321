"""The AWS Load Balancer Controller makes of a store's Service what the store's spec says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.real.parts.loadbalancers.part import INGRESS_CLASS, Cloud
from tests.real.support.objects import ingress
from tests.support.poll import eventually

OF_SERVICE = "service.beta.kubernetes.io/aws-load-balancer"
OF_INGRESS = "alb.ingress.kubernetes.io"
POD_PORT = 5000


@pytest.fixture(scope="module")
def certificate(cloud: Cloud) -> str:
    return cloud.certificate("books.example.com")


@pytest.fixture(scope="module")
def balanced(cloud: Cloud, module_lab: Lab, certificate: str) -> Iterator[Store]:
    """Make a store behind a network load balancer that ends HTTPS, as on EKS."""
    annotations = {
        f"{OF_SERVICE}-scheme": "internet-facing",
        f"{OF_SERVICE}-nlb-target-type": "ip",
        f"{OF_SERVICE}-ssl-ports": "443",
        f"{OF_SERVICE}-ssl-cert": certificate,
        f"{OF_SERVICE}-healthcheck-protocol": "http",
        f"{OF_SERVICE}-healthcheck-path": "/healthz",
    }
    exposed = {
        "loadBalancerClass": "service.k8s.aws/nlb",
        "port": 443,
        "annotations": annotations,
    }
    store = module_lab.external("nlb", exposure={"loadBalancer": exposed})
    store.wait_ready(within=180)
    yield store
    store.delete()


def host(store: Store) -> str:
    """Return the name that the controller gave the store's Service."""
    status = store.child("Service")["status"]["loadBalancer"]
    assert status.get("ingress"), "the Service has no load balancer"
    return str(status["ingress"][0]["hostname"])


def test_a_store_is_ready_with_the_host_name_of_its_load_balancer(
    balanced: Store, cloud: Cloud
) -> None:
    name = host(balanced)
    assert name in balanced.get()["status"]["url"]
    balancer = cloud.balancer(name)
    assert (balancer["Type"], balancer["Scheme"]) == ("network", "internet-facing")


def test_https_ends_at_the_load_balancer_with_the_certificate_of_acm(
    balanced: Store, cloud: Cloud, certificate: str
) -> None:
    listeners = cloud.listeners(cloud.balancer(host(balanced)))
    assert set(listeners) == {443}
    assert listeners[443]["Protocol"] == "TLS"
    assert [one["CertificateArn"] for one in listeners[443]["Certificates"]] == [certificate]


def test_the_targets_are_the_pods_and_are_asked_for_their_health(
    balanced: Store, cloud: Cloud
) -> None:
    (group,) = cloud.target_groups(cloud.balancer(host(balanced)))
    assert (group["TargetType"], group["HealthCheckPath"]) == ("ip", "/healthz")

    def registered() -> None:
        pods = {(pod["status"]["podIP"], POD_PORT) for pod in balanced.pods()}
        assert cloud.targets(group) == pods

    eventually(registered, within=60)


def test_an_ingress_of_the_class_alb_gets_an_application_load_balancer(
    kube: Kube, store: Store, cloud: Cloud, certificate: str
) -> None:
    annotations = {
        f"{OF_INGRESS}/scheme": "internet-facing",
        f"{OF_INGRESS}/target-type": "ip",
        f"{OF_INGRESS}/listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
        f"{OF_INGRESS}/ssl-redirect": "443",
        f"{OF_INGRESS}/certificate-arn": certificate,
        f"{OF_INGRESS}/healthcheck-path": "/healthz",
    }
    kube.apply(
        ingress(
            store.namespace, "alb", "books.example.com", store.name, INGRESS_CLASS,
            annotations=annotations,
        )
    )  # fmt: skip

    def named() -> str:
        status = kube.get("Ingress", store.namespace, "alb")["status"]["loadBalancer"]
        assert status.get("ingress"), "the Ingress has no load balancer"
        return str(status["ingress"][0]["hostname"])

    balancer = cloud.balancer(eventually(named, within=60))
    assert balancer["Type"] == "application"
    listeners = cloud.listeners(balancer)
    assert {port: one["Protocol"] for port, one in listeners.items()} == {80: "HTTP", 443: "HTTPS"}
    redirects = [one["Actions"][0] for one in cloud.rules(listeners[80])]
    assert redirects[0]["Type"] == "redirect"
    assert redirects[0]["RedirectConfig"]["Port"] == "443"
    (group,) = cloud.target_groups(balancer)
    assert group["HealthCheckPath"] == "/healthz"


def test_a_load_balancer_goes_with_its_store(module_lab: Lab, cloud: Cloud) -> None:
    exposed = {"loadBalancerClass": "service.k8s.aws/nlb"}
    store = module_lab.external("brief", exposure={"loadBalancer": exposed})
    store.wait_ready(within=180)
    arn = cloud.balancer(host(store))["LoadBalancerArn"]
    store.delete()

    def gone() -> None:
        told = cloud.account.ask("elbv2", "describe_load_balancers")["LoadBalancers"]
        assert arn not in {one["LoadBalancerArn"] for one in told}

    eventually(gone, within=60)
