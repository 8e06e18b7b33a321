"""The ways to the shop, and the change from one to another."""

from __future__ import annotations

import pytest

from bookstore_operator.components.exposure.change import Resolution
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

INGRESS: Manifest = {"ingress": {"hosts": ["books.example.com"], "className": "nginx"}}
SECURED: Manifest = {"ingress": INGRESS["ingress"] | {"tls": {"issuerRef": {"name": "acme"}}}}
PARENT: Manifest = {"name": "public", "namespace": "gateways", "sectionName": "https"}
ROUTE: Manifest = {"gateway": {"parentRefs": [PARENT], "hosts": ["books.example.com"]}}
BALANCER: Manifest = {"loadBalancer": {"host": "shop.example.com"}}
EVER = 10**6
EXTERNAL_DNS = "external-dns.alpha.kubernetes.io/controller"


@pytest.fixture(autouse=True)
def in_dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Resolve names: each to itself, but a host to where the test points it."""
    pointed: dict[str, str] = {}

    async def ask(self: Resolution) -> frozenset[str]:
        return frozenset({pointed.get(self.host, self.host)})

    monkeypatch.setattr(Resolution, "ask", ask)
    monkeypatch.setattr("bookstore_operator.engine.facts.INTERVAL", 0.05)
    return pointed


async def change(stage: Stage, exposure: Manifest) -> None:
    """Set another way in the spec, and take out the one before."""
    gone = dict.fromkeys(("loadBalancer", "ingress", "gateway"))
    await stage.edit("bookstores", "shop", {"spec": {"exposure": gone | exposure}})


def url(stage: Stage) -> str:
    return str(stage.get("bookstores", "shop")["status"].get("url"))


def learned(stage: Stage) -> Manifest:
    """Return the environment of the pods that are wanted."""
    pods = stage.get("deployments", "shop")["spec"]["template"]["spec"]
    name = pods["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    data: Manifest = stage.get("configmaps", name)["data"]
    return data


@pytest.mark.parametrize("exposure", [BALANCER, SECURED, ROUTE], ids=lambda one: next(iter(one)))
async def test_a_new_shop_with_a_host_starts_its_pods_once(bare: Stage, exposure: Manifest) -> None:
    await gateway(bare, "HTTPS")
    async with controlling(bare):
        await bare.made(exposure=exposure)
        # Its host, and an address or a certificate that comes later, are in its environment.
        assert {"PUBLIC_URL", "TRUSTED_HOSTS"} <= learned(bare).keys()
        assert bare.get("deployments", "shop")["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("exposure", "held"), [(BALANCER, "services"), (SECURED, "certificates")], ids=["host", "https"]
)
async def test_a_new_shop_starts_though_its_address_does_not_come(
    bare: Stage, exposure: Manifest, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with controlling(bare):
        bare.held.add(held)
        await bare.secret()
        await bare.store(exposure=exposure)
        await bare.until(lambda: bare.condition("WebReady") == ("False", "AddressPending"))
        await bare.until_passes()
        assert bare.find("deployments", "shop") is None
        monkeypatch.setattr("bookstore_operator.components.exposure.way.HELD", 0.0)
        await bare.until(lambda: bare.condition("WebReady")[0] == "True")
        assert bare.condition("Exposed")[0] == "False"


async def test_a_load_balancer_serves_until_the_ingress_that_takes_its_place_has_an_address(
    bare: Stage,
) -> None:
    async with controlling(bare):
        await bare.made(exposure=BALANCER)
        uid = bare.get("services", "shop-svc")["metadata"]["uid"]
        bare.held.add("ingresses")
        await change(bare, INGRESS)
        await bare.until(lambda: bare.condition("Exposed") == ("False", "AddressPending"))
        await bare.until_quiet()
        assert bare.get("services", "shop-svc")["metadata"]["uid"] == uid
        assert bare.condition("Available")[0] == "True"
        hosts = learned(bare)["TRUSTED_HOSTS"].split(",")
        assert hosts == ["books.example.com", "192.0.2.1", "shop.example.com"]
        bare.held.clear()
        await bare.until_ready()
        await bare.until(lambda: bare.find("services", "shop-svc") is None)
        await bare.until(lambda: learned(bare)["TRUSTED_HOSTS"] == "books.example.com")
        await bare.until_ready()
        assert url(bare) == "http://books.example.com"


async def test_a_load_balancer_serves_while_dns_leads_the_host_there(
    bare: Stage, in_dns: dict[str, str]
) -> None:
    in_dns["books.example.com"] = "192.0.2.1"
    async with controlling(bare):
        await bare.made(exposure={"loadBalancer": {"host": "books.example.com"}})
        await change(bare, INGRESS)
        await bare.until_ready()
        await bare.until_quiet()
        assert EXTERNAL_DNS in bare.get("services", "shop-svc")["metadata"]["annotations"]
        in_dns["books.example.com"] = "ingress.example.com"
        await bare.until(lambda: bare.find("services", "shop-svc") is None)
        await bare.until_ready()


async def test_a_change_that_is_taken_back_leaves_the_load_balancer_as_it_was(
    bare: Stage, in_dns: dict[str, str]
) -> None:
    in_dns["books.example.com"] = "192.0.2.1"
    exposure: Manifest = {"loadBalancer": {"host": "books.example.com"}}
    async with controlling(bare):
        await bare.made(exposure=exposure)
        before = bare.get("services", "shop-svc")
        await change(bare, INGRESS)
        await bare.until(
            lambda: EXTERNAL_DNS in bare.get("services", "shop-svc")["metadata"]["annotations"]
        )
        await change(bare, exposure)
        await bare.until(lambda: bare.find("ingresses", "shop-ingress-nginx") is None)
        await bare.until_ready()
        after = bare.get("services", "shop-svc")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
        assert after["spec"] == before["spec"]


async def test_an_ingress_serves_until_the_load_balancer_has_an_address(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(exposure=INGRESS)
        bare.held.add("services")
        await change(bare, BALANCER)
        await bare.until(lambda: bare.condition("Exposed") == ("False", "AddressPending"))
        await bare.until_quiet()
        assert bare.find("ingresses", "shop-ingress-nginx")
        assert bare.find("services", "shop-web")
        bare.held.clear()
        await bare.until_ready()
        await bare.until(lambda: bare.find("ingresses", "shop-ingress-nginx") is None)
        await bare.until(lambda: bare.find("services", "shop-web") is None)
        assert url(bare) == "http://shop.example.com"


async def test_the_shop_learns_of_https_once_the_certificate_is_there(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore_operator.components.exposure.way.HELD", 0.0)
    async with controlling(bare):
        bare.held.add("certificates")
        await bare.secret()
        await bare.store(exposure=SECURED)
        await bare.until(lambda: bare.condition("Exposed") == ("False", "CertificatePending"))
        await bare.until(lambda: bare.condition("WebReady")[0] == "True")
        assert url(bare) == "http://books.example.com"
        assert learned(bare)["PUBLIC_URL"] == "http://books.example.com"
        bare.held.clear()
        await bare.until_ready()
        assert url(bare) == "https://books.example.com"
        assert learned(bare)["PUBLIC_URL"] == "https://books.example.com"
        ingress = bare.get("ingresses", "shop-ingress-nginx")["spec"]
        assert ingress["tls"] == [{"hosts": ["books.example.com"], "secretName": "shop-tls"}]


async def test_a_renewed_certificate_changes_nothing_of_ours(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(exposure=SECURED)
        before = len(bare.server.writes())
        await bare.secret("shop-tls", **{"tls.crt": "bmV3", "tls.key": "bmV3"})
        await bare.until_quiet()
        assert bare.server.writes()[before:] == []


async def gateway(stage: Stage, protocol: str, address: str = "gateway.example.com") -> None:
    """Let somebody keep a Gateway with one listener, whose controller gave it an address."""
    spec = {"listeners": [{"name": "https", "protocol": protocol, "port": 443}]}
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {}}
    place = ("gateways", "gateways", "public")
    stage.cluster.apply(place, {**body, "spec": spec}, "somebody")
    status = {"addresses": [{"type": "Hostname", "value": address}]}
    stage.cluster.merge(place, {"status": status}, "controller", "status")
    await stage.cluster.tell()


async def test_a_shop_on_a_gateway_is_https_as_soon_as_the_listener_is(bare: Stage) -> None:
    await gateway(bare, "HTTP")
    async with controlling(bare):
        await bare.made(exposure=ROUTE)
        assert url(bare) == "http://books.example.com"
        await gateway(bare, "HTTPS")
        await bare.until(lambda: learned(bare)["PUBLIC_URL"] == "https://books.example.com")
        await bare.until(lambda: url(bare) == "https://books.example.com")
        await bare.until_ready()


async def test_a_load_balancer_serves_until_the_gateway_takes_the_route(bare: Stage) -> None:
    await gateway(bare, "HTTPS")
    async with controlling(bare):
        await bare.made(exposure=BALANCER)
        bare.held.add("httproutes")
        await change(bare, ROUTE)
        await bare.until(lambda: bare.condition("Exposed") == ("False", "AddressPending"))
        await bare.until_quiet()
        assert bare.find("services", "shop-svc")
        bare.held.clear()
        await bare.until_ready()
        await bare.until(lambda: bare.find("services", "shop-svc") is None)


async def test_a_route_serves_while_dns_leads_the_host_to_its_gateway(
    bare: Stage, in_dns: dict[str, str]
) -> None:
    in_dns["books.example.com"] = "gateway.example.com"
    await gateway(bare, "HTTP")
    async with controlling(bare):
        await bare.made(exposure=ROUTE)
        await change(bare, {"loadBalancer": {"host": "books.example.com"}})
        await bare.until_ready()
        await bare.until_quiet()
        assert bare.find("httproutes", "shop")
        assert bare.find("services", "shop-web")
        in_dns["books.example.com"] = "192.0.2.1"
        await bare.until(lambda: bare.find("httproutes", "shop") is None)
        await bare.until(lambda: bare.find("services", "shop-web") is None)
        await bare.until_ready()


async def test_an_ingress_goes_though_the_gateway_that_takes_its_place_has_its_address(
    bare: Stage, in_dns: dict[str, str]
) -> None:
    in_dns["books.example.com"] = "ingress.example.com"
    await gateway(bare, "HTTP", "ingress.example.com")
    async with controlling(bare):
        await bare.made(exposure=INGRESS)
        await change(bare, ROUTE)
        await bare.until(lambda: bare.find("ingresses", "shop-ingress-nginx") is None)
        await bare.until_ready()
        assert bare.find("httproutes", "shop")


async def test_a_store_on_a_gateway_says_what_to_install_and_goes_on(bare: Stage) -> None:
    missing = Fault("*", "/apis/gateway.networking.k8s.io/", 404, times=EVER, message="")
    bare.server.faults.append(missing)
    async with controlling(bare):
        await bare.secret()
        await bare.store(exposure=ROUTE)
        await bare.until_told("KindMissing")
        assert "install the Gateway API" in bare.message("Exposed")
        bare.server.faults.remove(missing)
        await bare.until_ready()


@pytest.mark.parametrize("exposure", [INGRESS, BALANCER], ids=["ingress", "load balancer"])
async def test_a_cluster_without_cert_manager_disturbs_no_store_that_does_not_ask_for_it(
    bare: Stage, exposure: Manifest
) -> None:
    bare.server.faults.append(Fault("*", "/apis/cert-manager.io/", 404, times=EVER, message=""))
    async with controlling(bare):
        await bare.made_soon(exposure=exposure)


async def test_a_store_whose_certificate_nobody_issues_says_what_to_install_and_goes_on(
    bare: Stage,
) -> None:
    missing = Fault("*", "/apis/cert-manager.io/", 404, times=EVER, message="")
    bare.server.faults.append(missing)
    async with controlling(bare):
        await bare.secret()
        await bare.store(exposure=SECURED)
        await bare.until_told("KindMissing")
        assert "install cert-manager (https://cert-manager.io/" in bare.message("CertificateReady")
        await bare.until(lambda: bare.condition("WebReady")[0] == "True")
        bare.server.faults.remove(missing)
        await bare.until_ready()
