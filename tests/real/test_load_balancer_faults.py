"""A store tells why AWS makes no load balancer, or does not change it, and goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cluster.support.kube import Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store, brief
from tests.real.parts.loadbalancers.cloud import Cloud
from tests.real.parts.loadbalancers.part import BALANCER_CLASS, INGRESS_CLASS
from tests.real.support.objects import host_name
from tests.support.poll import eventually

HOST = "books.example.com"
UNKNOWN = "arn:aws:acm:us-east-1:123456789012:certificate/0badc0de-89ab-cdef-0123-456789abcdef"
FAILED = "LoadBalancerFailed"


def balanced(certificate: str) -> Manifest:
    aws = {"certificateArn": certificate}
    return {"loadBalancer": {"host": HOST, "loadBalancerClass": BALANCER_CLASS, "aws": aws}}


def by_ingress(certificate: str) -> Manifest:
    tls = {"certificateArn": certificate}
    return {"ingress": {"className": INGRESS_CLASS, "hosts": [HOST], "alb": {}, "tls": tls}}


@pytest.fixture(scope="module")
def secured(cloud: Cloud, module_lab: Lab) -> Iterator[Store]:
    store = module_lab.external("secured", exposure=balanced(cloud.certificate(HOST)))
    store.wait_ready(within=180)
    yield store
    store.delete()


@pytest.mark.parametrize("way", [balanced, by_ingress], ids=["load balancer", "ingress"])
def test_a_certificate_that_acm_does_not_have(
    cloud: Cloud, lab: Lab, way: Callable[[str], Manifest]
) -> None:
    store = lab.external(exposure=way(UNKNOWN))
    store.wait_told(FAILED, mentions="CertificateNotFound", within=120)
    assert "url" not in store.get()["status"]
    assert store.told("Available", "True"), "the pods serve within the cluster"

    store.edit(exposure=way(cloud.certificate(HOST)))
    store.wait_ready(within=180)
    assert store.get()["status"]["url"] == f"https://{HOST}"


def test_a_network_without_subnets_for_a_load_balancer_within_it(cloud: Cloud, lab: Lab) -> None:
    exposed = {"loadBalancerClass": BALANCER_CLASS, "aws": {"scheme": "Internal"}}
    store = lab.external(exposure={"loadBalancer": exposed})
    store.wait_told(FAILED, mentions="subnet", within=120)

    with cloud.internal_subnets():
        store.wait_ready(within=300)
        balancer = cloud.balancer(host_name(store.child("Service", "-svc")))
        assert balancer["Scheme"] == "internal"
        store.delete()


def test_a_certificate_that_cannot_take_the_place_of_the_one_before(
    secured: Store, cloud: Cloud
) -> None:
    balancer = cloud.balancer(host_name(secured.child("Service", "-svc")))
    (before,) = cloud.certificates(cloud.listeners(balancer)[443])
    secured.edit(exposure=balanced(UNKNOWN))
    secured.wait_told(FAILED, mentions=UNKNOWN, within=120)
    assert secured.get()["status"]["url"] == f"https://{HOST}"
    assert secured.told("Available", "True")
    assert cloud.certificates(cloud.listeners(balancer)[443]) == [before]

    secured.edit(exposure=balanced(before))

    def told() -> None:
        assert secured.told("Exposed", "True"), brief(secured.conditions())

    eventually(told, within=120)
    secured.wait_ready()
