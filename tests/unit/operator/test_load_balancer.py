"""The load balancer: what a Service asks of the cloud, and what the shop learns of its readers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from bookstore_operator.api.loadbalancer import AWS, AWS_CLASSES, SAID_BY_AWS
from bookstore_operator.components.exposure.address import ADDRESS_PENDING
from bookstore_operator.components.exposure.load_balancer import LoadBalancerExposure
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.components.web import Web
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import give_outputs, put, seen, store
from tests.unit.operator.strategies import aws_load_balancers

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"
HOST = "books.example.com"
CONTROLLER = AWS_CLASSES[0]


def balanced(**balancer: Any) -> Store:
    return store(exposure={"loadBalancer": balancer})


def service(root: Store) -> Manifest:
    (made,) = LoadBalancerExposure().children(root, seen(root))
    return made


def said(root: Store) -> dict[str, str]:
    """Return what AWS' controllers read of the Service."""
    annotations = service(root)["metadata"].get("annotations", {})
    return {key.removeprefix(AWS): value for key, value in annotations.items() if AWS in key}


def given_address(root: Store, *ingress: Manifest) -> View:
    view = seen(root)
    put(view, {**service(root), "status": {"loadBalancer": {"ingress": list(ingress)}}})
    give_outputs(root, view)
    return view


def settings(root: Store, *ingress: Manifest) -> dict[str, str]:
    """Return what the shop learns."""
    return given_address(root, *ingress).output(PublicAddress).settings()


def ports(root: Store) -> dict[int, object]:
    return {port["port"]: port["targetPort"] for port in service(root)["spec"]["ports"]}


@pytest.mark.parametrize(
    ("ingress", "port", "url"),
    [
        ({"hostname": "lb.example.com"}, 80, "http://lb.example.com"),
        ({"ip": "192.0.2.1"}, 8000, "http://192.0.2.1:8000"),
        ({"ip": "2001:db8::1"}, 80, "http://[2001:db8::1]"),
    ],
)
def test_the_url_of_a_load_balancer_without_a_host(
    ingress: dict[str, str], port: int, url: str
) -> None:
    wanted = balanced(port=port)
    assert LoadBalancerExposure().judge(wanted, seen(wanted)).reason == ADDRESS_PENDING
    view = given_address(wanted, ingress)
    assert LoadBalancerExposure().judge(wanted, view).message == f"The shop is at {url}."
    assert LoadBalancerExposure().status(wanted, view) == {"url": url}


@pytest.mark.parametrize(
    ("balancer", "url"),
    [
        ({"host": HOST}, f"http://{HOST}"),
        ({"host": HOST, "port": 8000}, f"http://{HOST}:8000"),
        ({"host": HOST, "aws": {"certificateArn": ARN}}, f"https://{HOST}"),
        ({"host": HOST, "port": 8000, "aws": {"certificateArn": ARN}}, f"https://{HOST}"),
    ],
)
def test_the_url_of_a_host_is_https_when_it_is_and_told_once_there_is_an_address(
    balancer: dict[str, Any], url: str
) -> None:
    wanted = balanced(**balancer)
    assert LoadBalancerExposure().status(wanted, seen(wanted)) == {}
    view = given_address(wanted, {"hostname": "lb.amazonaws.com"})
    assert LoadBalancerExposure().status(wanted, view) == {"url": url}
    assert view.output(PublicAddress).settings()["PUBLIC_URL"] == url


def test_an_empty_list_of_addresses_is_none() -> None:
    wanted = balanced()
    view = seen(wanted)
    put(view, {**service(wanted), "status": {"loadBalancer": {"ingress": None}}})
    assert LoadBalancerExposure().judge(wanted, view).reason == ADDRESS_PENDING


def test_a_certificate_opens_two_ports_that_the_shop_can_tell_apart() -> None:
    wanted = balanced(host=HOST, loadBalancerClass=CONTROLLER, aws={"certificateArn": ARN})
    assert ports(wanted) == {80: 5000, 443: 5443}
    assert said(wanted)["ssl-cert"] == ARN
    assert said(wanted)["ssl-ports"] == "443"
    view = given_address(wanted)
    put(view, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "x"}})
    environment = next(
        one["data"] for one in Web().children(wanted, view) if one["kind"] == "ConfigMap"
    )
    assert (environment["PORT"], environment["HTTPS_PORT"]) == ("5000", "5443")
    assert environment["PUBLIC_URL"] == f"https://{HOST}"


def test_without_a_certificate_there_is_plain_http_alone() -> None:
    wanted = balanced(port=8000, nodePort=30080, aws={})
    assert ports(wanted) == {8000: 5000}
    assert service(wanted)["spec"]["ports"][0]["nodePort"] == 30080
    assert not [name for name in said(wanted) if name.startswith("ssl")]


def test_what_the_cloud_provider_is_told() -> None:
    wanted = balanced(aws={"scheme": "Internal"})
    assert service(wanted)["spec"]["externalTrafficPolicy"] == "Local"
    assert said(wanted) == {
        "type": "nlb",
        "internal": "true",
        "cross-zone-load-balancing-enabled": "true",
        "healthcheck-interval": "10",
        "healthcheck-healthy-threshold": "2",
        "healthcheck-unhealthy-threshold": "2",
    }


def test_what_the_controller_is_told() -> None:
    wanted = balanced(loadBalancerClass=CONTROLLER, aws={})
    assert "externalTrafficPolicy" not in service(wanted)["spec"], "nodes are not on the way"
    assert said(wanted) == {
        "scheme": "internet-facing",
        "nlb-target-type": "ip",
        "attributes": "load_balancing.cross_zone.enabled=true",
        "target-group-attributes": "preserve_client_ip.enabled=true,"
        "deregistration_delay.timeout_seconds=30",
        "healthcheck-protocol": "HTTP",
        "healthcheck-path": "/healthz",
        "healthcheck-interval": "10",
        "healthcheck-healthy-threshold": "2",
        "healthcheck-unhealthy-threshold": "2",
    }


@given(aws_load_balancers())
def test_shoppers_behind_a_load_balancer_of_aws_have_their_own_addresses_unless_told_otherwise(
    balancer: dict[str, Any],
) -> None:
    balancer.pop("externalTrafficPolicy", None)
    wanted = balanced(**balancer)
    told, spec = said(wanted), service(wanted)["spec"]
    direct = told.get("nlb-target-type") == "ip"
    assert spec.get("externalTrafficPolicy") == (None if direct else "Local")
    if direct:
        assert "preserve_client_ip.enabled=true" in told["target-group-attributes"]


@given(aws_load_balancers())
def test_nodes_that_alone_may_take_requests_are_checked_where_kubernetes_says_and_pods_never(
    balancer: dict[str, Any],
) -> None:
    wanted = balanced(**balancer)
    told = said(wanted)
    pods = told.get("nlb-target-type") == "ip"
    local = service(wanted)["spec"].get("externalTrafficPolicy") == "Local"
    assert ("healthcheck-path" in told) == (pods or not local)


@given(aws_load_balancers())
def test_only_one_word_is_said_on_what_annotations_may_not_contradict(
    balancer: dict[str, Any],
) -> None:
    wanted = balanced(**balancer)
    made = said(wanted)
    assert ("type" in made) == ("loadBalancerClass" not in balancer)
    assert set(made) & {"type", "scheme"}, "a load balancer is never left to a default"
    assert {f"{AWS}{name}" for name in made} - set(SAID_BY_AWS), "and checked"


def test_annotations_of_a_person_win_over_ours() -> None:
    key = f"{AWS}healthcheck-path"
    wanted = balanced(loadBalancerClass=CONTROLLER, aws={}, annotations={key: "/readyz"})
    assert said(wanted)["healthcheck-path"] == "/readyz"


def test_a_pod_serves_on_for_as_long_as_aws_needs_to_go_elsewhere() -> None:
    for wanted, seconds in ((balanced(), 10), (balanced(aws={}), 30)):
        view = given_address(wanted)
        (pods,) = (
            one["spec"]["template"]["spec"]
            for one in Web().children(wanted, view)
            if one["kind"] == "Deployment"
        )
        (container,) = pods["containers"]
        assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == seconds
        assert pods["terminationGracePeriodSeconds"] == seconds + 35


def test_external_dns_learns_the_host() -> None:
    annotations = service(balanced(host=HOST))["metadata"]["annotations"]
    assert annotations == {"external-dns.alpha.kubernetes.io/hostname": HOST}
    assert "annotations" not in service(balanced())["metadata"]


def test_a_shop_without_a_host_answers_to_every_name_and_counts_no_proxies() -> None:
    assert settings(balanced(), {"ip": "192.0.2.1"}) == {"FORWARDED_HOPS": "0"}


def test_a_shop_with_a_host_answers_to_it_and_to_the_load_balancer() -> None:
    wanted = balanced(host=HOST)
    assert settings(wanted)["TRUSTED_HOSTS"] == HOST
    given = settings(wanted, {"hostname": "lb.amazonaws.com"}, {"ip": "2001:db8::1"})
    assert given["TRUSTED_HOSTS"] == f"{HOST},[2001:db8::1],lb.amazonaws.com"


def test_a_proxy_before_the_load_balancer_is_counted_and_outlived() -> None:
    given = settings(balanced(host=HOST, forwardedHops=1))
    assert (given["FORWARDED_HOPS"], given["KEEPALIVE_SECONDS"]) == ("1", "100")
