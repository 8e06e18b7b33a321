"""The Ingress: what its controller is told, when the shop is https, and the change of ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from bookstore_operator.components.certificate import (
    CERTIFICATE_NOT_ISSUED,
    CERTIFICATE_REQUESTED,
    Certificate,
)
from bookstore_operator.components.credentials import SECRET_KEY_MISSING, SECRET_NOT_FOUND
from bookstore_operator.components.exposure.address import ADDRESS_PENDING
from bookstore_operator.components.exposure.change import Resolution
from bookstore_operator.components.exposure.ingress import (
    ALB,
    CERTIFICATE_PENDING,
    NGINX,
    IngressExposure,
)
from bookstore_operator.components.exposure.load_balancer import LoadBalancerExposure
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import components, give_outputs, put, seen, store
from tests.unit.operator.strategies import ingresses

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"
HOST = "books.example.com"
ADDRESS: Manifest = {"loadBalancer": {"ingress": [{"hostname": "ingress.example.com"}]}}
BY_SECRET: Manifest = {"secretRef": {"name": "books-tls"}}
BY_ISSUER: Manifest = {"issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}}
BY_ACM: Manifest = {"certificateArn": ARN}


def ingressed(**ingress: Any) -> Store:
    return store(exposure={"ingress": {"hosts": [HOST], **ingress}})


def secret(name: str, **data: str) -> Manifest:
    metadata = {"name": name, "namespace": "books"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def certified(name: str) -> Manifest:
    return secret(name, **{"tls.crt": "eA==", "tls.key": "eA=="})


def made(root: Store, *objects: Manifest) -> tuple[Manifest, Manifest]:
    """Return the Service within the cluster, and the Ingress."""
    service, ingress = IngressExposure().children(root, seen(root, *objects))
    return service, ingress


def served(root: Store, *objects: Manifest) -> View:
    """Return what is seen once the Ingress has an address."""
    _, ingress = made(root, *objects)
    view = seen(root, *objects)
    put(view, {**ingress, "status": ADDRESS})
    give_outputs(root, view)
    return view


def said(root: Store, prefix: str, *objects: Manifest) -> dict[str, str]:
    annotations = made(root, *objects)[1]["metadata"].get("annotations", {})
    return {key.removeprefix(prefix): value for key, value in annotations.items()}


def test_every_host_leads_to_the_service_within_the_cluster() -> None:
    service, ingress = made(ingressed(hosts=[HOST, "www.example.com"], className="traefik"))
    assert service["spec"]["type"] == "ClusterIP"
    assert {port["port"]: port["targetPort"] for port in service["spec"]["ports"]} == {80: 5000}
    assert ingress["spec"]["ingressClassName"] == "traefik"
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == [HOST, "www.example.com"]
    backends = [
        path["backend"]["service"]
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]
    assert backends == [{"name": "shop-web", "port": {"number": 80}}] * 2


def test_without_a_class_the_cluster_chooses() -> None:
    assert "ingressClassName" not in made(ingressed())[1]["spec"]


def test_the_url_is_told_once_there_is_an_address() -> None:
    wanted = ingressed()
    assert IngressExposure().judge(wanted, seen(wanted)).reason == ADDRESS_PENDING
    view = served(wanted)
    assert IngressExposure().judge(wanted, view).ready
    assert IngressExposure().status(wanted, view) == {"url": f"http://{HOST}"}


@pytest.mark.parametrize(
    ("tls", "name"), [(BY_SECRET, "books-tls"), (BY_ISSUER, "shop-tls")], ids=["secret", "issuer"]
)
def test_the_shop_is_https_once_the_certificate_is_there_and_not_before(
    tls: Manifest, name: str
) -> None:
    wanted = ingressed(tls=tls, nginx={})
    before, after = served(wanted), served(wanted, certified(name))
    assert IngressExposure().status(wanted, before) == {"url": f"http://{HOST}"}
    assert before.output(PublicAddress).url == f"http://{HOST}"
    assert "tls" not in made(wanted)[1]["spec"], "a controller would show a certificate of its own"
    assert said(wanted, NGINX)["ssl-redirect"] == "false"
    assert IngressExposure().status(wanted, after) == {"url": f"https://{HOST}"}
    assert after.output(PublicAddress).url == f"https://{HOST}"
    assert made(wanted, certified(name))[1]["spec"]["tls"] == [
        {"hosts": [HOST], "secretName": name}
    ]
    assert said(wanted, NGINX, certified(name))["ssl-redirect"] == "true"
    assert IngressExposure().judge(wanted, after).ready


def test_a_certificate_of_acm_is_there_already() -> None:
    wanted = ingressed(alb={}, tls=BY_ACM)
    view = served(wanted)
    assert IngressExposure().references(wanted, view) == []
    assert IngressExposure().status(wanted, view) == {"url": f"https://{HOST}"}


def test_a_secret_that_is_missing_or_lacks_a_key_is_told_and_nothing_else_waits() -> None:
    wanted = ingressed(tls=BY_SECRET)
    absent = IngressExposure().judge(wanted, served(wanted))
    assert (absent.state, absent.reason, absent.holds) == (State.FAILED, SECRET_NOT_FOUND, False)
    assert "Secret books/books-tls is not there; create it" in absent.message
    partial = IngressExposure().judge(
        wanted, served(wanted, secret("books-tls", **{"tls.crt": "eA=="}))
    )
    assert (partial.state, partial.reason) == (State.FAILED, SECRET_KEY_MISSING)
    assert 'has no key "tls.key"' in partial.message


def test_a_certificate_that_is_on_its_way_is_waited_for() -> None:
    wanted = ingressed(tls=BY_ISSUER)
    verdict = IngressExposure().judge(wanted, served(wanted))
    assert (verdict.state, verdict.reason) == (State.WAITING, CERTIFICATE_PENDING)
    assert f"http://{HOST} meanwhile" in verdict.message


def test_what_aws_is_told() -> None:
    wanted = ingressed(alb={"scheme": "Internal", "groupName": "shops"}, tls=BY_ACM)
    told = said(wanted, ALB)
    assert json.loads(told["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert told == {
        "scheme": "internal",
        "target-type": "ip",
        "group.name": "shops",
        "listen-ports": told["listen-ports"],
        "certificate-arn": ARN,
        "ssl-redirect": "443",
        "ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "healthcheck-protocol": "HTTP",
        "healthcheck-path": "/healthz",
        "healthcheck-interval-seconds": "10",
        "healthy-threshold-count": "2",
        "unhealthy-threshold-count": "2",
        "success-codes": "200",
        "target-group-attributes": "deregistration_delay.timeout_seconds=30",
    }


def test_an_alb_without_a_certificate_listens_at_port_80_alone() -> None:
    told = said(ingressed(alb={}), ALB)
    assert json.loads(told["listen-ports"]) == [{"HTTP": 80}]
    assert not {"certificate-arn", "ssl-redirect", "ssl-policy"} & set(told)


@pytest.mark.parametrize(("targets", "kind"), [("IP", "ClusterIP"), ("Instance", "NodePort")])
def test_an_alb_that_comes_through_the_nodes_finds_a_port_there(targets: str, kind: str) -> None:
    assert made(ingressed(alb={"targetType": targets}))[0]["spec"]["type"] == kind


def test_an_alb_that_comes_through_the_nodes_is_told_so() -> None:
    assert said(ingressed(alb={"targetType": "Instance"}), ALB)["target-type"] == "instance"


def test_the_secret_of_a_certificate_is_followed() -> None:
    wanted = ingressed(tls=BY_SECRET)
    assert wanted.own_secret("books-tls") in IngressExposure().references(wanted, seen(wanted))


def test_what_nginx_is_told() -> None:
    assert said(ingressed(nginx={"maxBodySize": "64m"}), NGINX) == {
        "proxy-body-size": "64m",
        "proxy-connect-timeout": "5",
        "proxy-read-timeout": "120",
        "proxy-send-timeout": "120",
        "ssl-redirect": "false",
    }


def test_annotations_of_a_person_win_over_ours() -> None:
    key = f"{NGINX}proxy-body-size"
    assert said(ingressed(nginx={}, annotations={key: "1g"}), NGINX)["proxy-body-size"] == "1g"


@given(ingresses())
def test_the_shop_answers_to_its_hosts_alone_and_knows_the_shoppers_behind_the_proxy(
    ingress: dict[str, Any],
) -> None:
    wanted = store(exposure={"ingress": ingress})
    told = served(wanted).output(PublicAddress).settings()
    assert told["TRUSTED_HOSTS"] == ",".join(ingress["hosts"])
    assert told["FORWARDED_HOPS"] == str(ingress.get("forwardedHops", 1))


def test_a_proxy_never_meets_a_connection_that_the_shop_is_closing() -> None:
    told = served(ingressed()).output(PublicAddress).settings()
    assert int(told["KEEPALIVE_SECONDS"]) > 90, (
        "NGINX and ALB keep idle ones for 60, Traefik for 90"
    )


def test_only_the_way_that_the_spec_names_is_taken() -> None:
    ways = (IngressExposure, LoadBalancerExposure)
    for root in (ingressed(), store(), store(exposure={"loadBalancer": {}})):
        (taken,) = (one for one in components(root) if isinstance(one, ways))
        assert isinstance(taken, IngressExposure) == (root.spec.ingress is not None)


def answer(view: View) -> None:
    """Let DNS lead every name to an address of its own, and the host to the new way."""
    names = ("192.0.2.1", "ingress.example.com", HOST)
    view.facts = {Resolution(name): frozenset({name}) for name in names}


def load_balanced(**balancer: Any) -> tuple[Store, Manifest]:
    root = store(exposure={"loadBalancer": balancer})
    (service,) = LoadBalancerExposure().children(root, seen(root))
    return root, {**service, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}


def test_the_load_balancer_serves_until_the_ingress_has_an_address() -> None:
    before, service = load_balanced(host="old.example.com")
    wanted = ingressed()
    assert IngressExposure().retained(wanted, seen(wanted, service)) == {before.service}
    view = served(wanted, service)
    answer(view)
    assert IngressExposure().retained(wanted, view) == set()


def test_while_the_way_changes_the_shop_answers_to_the_names_of_both() -> None:
    _, service = load_balanced(host="old.example.com")
    wanted = ingressed()
    told = seen(wanted, service).output(PublicAddress).settings()
    assert told["TRUSTED_HOSTS"] == f"{HOST},192.0.2.1,old.example.com"
    assert told["PUBLIC_URL"] == f"http://{HOST}"


def test_an_ingress_keeps_what_it_leads_to_until_a_load_balancer_has_an_address() -> None:
    before = ingressed(hosts=["old.example.com"], className="nginx")
    service, ingress = made(before)
    wanted, balancer = load_balanced(host=HOST)
    view = seen(wanted, service, {**ingress, "status": ADDRESS})
    assert LoadBalancerExposure().retained(wanted, view) == {
        before.ingress("nginx"),
        before.backend,
    }
    assert view.output(PublicAddress).hosts == (HOST, "old.example.com")
    put(view, balancer)
    answer(view)
    assert LoadBalancerExposure().retained(wanted, view) == set()


def test_the_ingress_of_another_class_serves_until_the_new_one_has_an_address() -> None:
    before, wanted = ingressed(className="nginx"), ingressed(className="traefik")
    _, former = made(before)
    view = seen(wanted, {**former, "status": ADDRESS})
    assert before.ingress("nginx") in IngressExposure().retained(wanted, view)
    assert IngressExposure().retained(wanted, served(wanted, former)) == set()


IN_DNS = {
    HOST: {"203.0.113.7"},
    "192.0.2.1": {"192.0.2.1"},
    "ingress.example.com": {"203.0.113.7"},
}


@pytest.mark.parametrize(
    ("answers", "stays"),
    [
        ({}, True),
        (IN_DNS | {HOST: {"192.0.2.1"}}, True),
        (IN_DNS | {HOST: {"203.0.113.7", "192.0.2.1"}}, True),
        (IN_DNS, False),
        (IN_DNS | {HOST: set()}, False),
    ],
    ids=["not asked yet", "the former way", "both", "the new way", "nobody knows"],
)
def test_a_former_way_stays_while_dns_leads_the_host_there(
    answers: dict[str, set[str]], stays: bool
) -> None:
    before, service = load_balanced(host=HOST)
    wanted = ingressed()
    view = served(wanted, service)
    view.facts = {Resolution(name): frozenset(found) for name, found in answers.items()}
    assert IngressExposure().retained(wanted, view) == ({before.service} if stays else set())
    assert set(IngressExposure().questions(wanted, view)) == {
        Resolution(HOST),
        Resolution("192.0.2.1"),
    }


def test_external_dns_leaves_a_former_way_alone_once_the_new_one_has_an_address() -> None:
    before, service = load_balanced(host=HOST)
    wanted = ingressed()
    assert IngressExposure().patches(wanted, seen(wanted, service)) == []
    view = served(wanted, service)
    (patch,) = IngressExposure().patches(wanted, view)
    assert patch.ref == before.service
    ours = {"external-dns.alpha.kubernetes.io/controller": "bookstore-operator"}
    assert patch.body == {"metadata": {"annotations": ours}}
    service["metadata"]["annotations"] |= ours
    assert IngressExposure().patches(wanted, served(wanted, service)) == []


def test_dns_is_asked_nothing_where_no_way_changes() -> None:
    wanted = ingressed()
    assert IngressExposure().questions(wanted, served(wanted)) == []


async def test_an_address_leads_to_itself_and_what_nobody_knows_to_nothing() -> None:
    assert await Resolution("192.0.2.1").ask() == {"192.0.2.1"}
    assert await Resolution("name.invalid").ask() == frozenset()


def issued(root: Store, *conditions: Manifest) -> View:
    (certificate,) = Certificate().children(root, seen(root))
    return seen(root, {**certificate, "status": {"conditions": list(conditions)}})


def test_a_certificate_is_ordered_for_all_hosts_from_the_issuer() -> None:
    wanted = ingressed(hosts=[HOST, "www.example.com"], tls=BY_ISSUER)
    (certificate,) = Certificate().children(wanted, seen(wanted))
    assert certificate["spec"] == {
        "secretName": "shop-tls",
        "dnsNames": [HOST, "www.example.com"],
        "issuerRef": {
            "name": "letsencrypt",
            "kind": "ClusterIssuer",
            "group": "cert-manager.io",
        },
        "privateKey": {"rotationPolicy": "Always"},
    }


@pytest.mark.parametrize("tls", [None, BY_SECRET])
def test_no_certificate_is_ordered_where_no_issuer_is_named(tls: Manifest | None) -> None:
    assert not Certificate().active(ingressed(**({"tls": tls} if tls else {})))
    assert not Certificate().active(store())


@pytest.mark.parametrize(
    ("conditions", "state", "reason", "words"),
    [
        ([], State.WAITING, CERTIFICATE_REQUESTED, "cert-manager has not seen it yet"),
        (
            [{"type": "Ready", "status": "False", "message": "Issuing certificate."}],
            State.WAITING,
            CERTIFICATE_REQUESTED,
            "Certificate shop-tls: Issuing certificate.",
        ),
        (
            [
                {"type": "Ready", "status": "True"},
                {"type": "Issuing", "status": "False", "reason": "Failed", "message": "No DNS."},
            ],
            State.FAILED,
            CERTIFICATE_NOT_ISSUED,
            "was not issued: No DNS; see kubectl describe certificate",
        ),
    ],
)
def test_what_cert_manager_says_is_told(
    conditions: list[Manifest], state: State, reason: str, words: str
) -> None:
    wanted = ingressed(tls=BY_ISSUER)
    verdict = Certificate().judge(wanted, issued(wanted, *conditions))
    assert (verdict.state, verdict.reason, verdict.holds) == (state, reason, False)
    assert words in verdict.message


def test_a_certificate_that_is_issued_is_ready() -> None:
    wanted = ingressed(tls=BY_ISSUER)
    assert Certificate().judge(wanted, issued(wanted, {"type": "Ready", "status": "True"})).ready
