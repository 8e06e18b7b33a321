"""Prometheus scrapes what we ship monitors for, alerts by our rules, and fills our dashboard.

NetworkPolicies are enforced, so that it also shows that they let Prometheus in, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.namespaces import opened
from tests.cluster.support.operator import NAME, Operator
from tests.cluster.support.operator import NAMESPACE as SYSTEM
from tests.cluster.support.services import SERVICES, of_services
from tests.cluster.support.store import Store
from tests.real.parts.prometheus.part import NAMESPACE, Prometheus
from tests.real.support.monitoring import (
    OF_THE_OPERATOR,
    OF_THE_SHOP,
    added,
    panels,
    shipped_alerts,
)
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("enforced_policies")

# A monitor is known after a while, and pods are scraped each half a minute.
SCRAPED = 120
# What a store that is one shop cannot have: it calls no other service.
OF_SERVICES = "Calls between services", "Seconds of a call"
# What is empty where nothing went wrong.
OF_FAILURES = "Stores that are degraded", "Errors by reason"


@pytest.fixture(scope="module")
def store(
    kube: Kube,
    prometheus: Prometheus,
    enforced_policies: None,
    module_lab: Lab,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Store]:
    """Run a store with two pods that Prometheus may scrape, beside an operator that it may."""
    policies = {"metricsFrom": [NAMESPACE]}
    store = module_lab.external(replicas=2, networkPolicies=policies)
    folders = [tmp_path_factory.mktemp(name) for name in ("operator", "shop")]
    with (
        added(kube, folders[0], OF_THE_OPERATOR),
        added(kube, folders[1], OF_THE_SHOP, store.namespace),
    ):
        store.wait_ready(within=180)
        yield store


def wait_scraped(prometheus: Prometheus, namespace: str, job: str, pods: list[Manifest]) -> None:
    """Wait until each of some pods is scraped, once, and no other pod is."""
    names = sorted(pod["metadata"]["name"] for pod in pods)

    def scraped() -> None:
        targets = prometheus.targets(namespace, job)
        assert sorted(one["labels"]["pod"] for one in targets) == names
        assert {one["health"] for one in targets} == {"up"}, [one["lastError"] for one in targets]

    eventually(scraped, within=SCRAPED)


def test_every_pod_of_the_shop_is_scraped(prometheus: Prometheus, store: Store) -> None:
    wait_scraped(prometheus, store.namespace, "bookstore", store.pods())


def test_both_pods_of_the_operator_are_scraped_and_one_acts(
    prometheus: Prometheus, store: Store, operator: Operator
) -> None:
    leader = operator.pod()
    wait_scraped(prometheus, SYSTEM, NAME, operator.pods())

    def one_acts() -> None:
        told = {
            one["metric"]["pod"]: one["value"][1] for one in prometheus.query("bookstore_leader")
        }
        assert len(told) == len(operator.pods())
        assert {pod for pod, value in told.items() if value == "1"} == {leader}

    eventually(one_acts, within=SCRAPED)


def test_what_the_operator_tells_of_a_store_bears_the_stores_namespace(
    prometheus: Prometheus, store: Store
) -> None:
    asked = f'bookstore_store_condition{{namespace="{store.namespace}",condition="Ready"}}'

    def told() -> None:
        (found,) = prometheus.query(asked)
        assert (found["metric"]["store"], found["value"][1]) == (store.name, "1")

    eventually(told, within=SCRAPED)


def test_requests_are_told_apart_by_the_shops_endpoint(
    prometheus: Prometheus, store: Store
) -> None:
    store.shopper().page("/")
    series = f'bookstore_http_requests_total{{namespace="{store.namespace}"}}'

    def told() -> None:
        endpoints = prometheus.values("endpoint", series)
        assert {"catalogue.index", "health.readyz"} <= endpoints, endpoints

    eventually(told, within=SCRAPED)


def test_a_healthy_store_alerts_nobody(prometheus: Prometheus, store: Store) -> None:
    shipped = shipped_alerts()

    def quiet() -> None:
        rules = prometheus.rules()
        assert rules.keys() == shipped.keys()
        assert {rule["health"] for rule in rules.values()} == {"ok"}
        # Those of other stores, which tests of others may be breaking, are not ours to judge.
        found = [alert["labels"] for rule in rules.values() for alert in rule["alerts"]]
        assert [
            one for one in found if one.get("namespace", store.namespace) == store.namespace
        ] == []

    eventually(quiet, within=SCRAPED)


def test_the_dashboard_shows_what_there_is_to_show(prometheus: Prometheus, store: Store) -> None:
    with Crowd.of(store) as crowd:
        crowd.wait_bought(20, within=60)

        def shown() -> None:
            found = {panel: prometheus.query(query) for panel, query in panels(store.namespace)}
            empty = [panel for panel, series in found.items() if not series]
            may = (*OF_SERVICES, *OF_FAILURES)
            assert [panel for panel in empty if not panel.startswith(may)] == []

        eventually(shown, within=SCRAPED)
    assert store.namespace in prometheus.values("namespace", "bookstore_http_requests_total")


def test_each_service_of_a_store_is_scraped_and_its_calls_are_shown(
    kube: Kube,
    prometheus: Prometheus,
    store: Store,
    images: dict[str, str],
    tmp_path: Path,
) -> None:
    with opened(kube, "services") as namespace, added(kube, tmp_path, OF_THE_SHOP, namespace):
        parts = of_services(kube, namespace, images)
        pods = [pod for service in SERVICES for pod in parts.pods(service)]
        wait_scraped(prometheus, namespace, "bookstore", pods)
        with Crowd.of(parts) as crowd:
            crowd.wait_bought(5, within=60)

            def shown() -> None:
                found = {
                    panel: prometheus.query(query)
                    for panel, query in panels(namespace)
                    if panel.startswith(OF_SERVICES)
                }
                assert [panel for panel, series in found.items() if not series] == []

            eventually(shown, within=SCRAPED)


def test_a_store_that_keeps_prometheus_out_alerts_until_it_names_its_namespace(
    kube: Kube, prometheus: Prometheus, store: Store, lab: Lab, tmp_path: Path
) -> None:
    closed = lab.external(networkPolicies={"metricsFrom": ["elsewhere"]})

    def is_target(health: str, alerts: set[str]) -> None:
        found = prometheus.targets(lab.namespace, "bookstore")
        assert [one["health"] for one in found] == [health], found
        down = prometheus.alerts(alertname="BookStoreDown", namespace=lab.namespace)
        # Each namespace that has our rules tells it, for Alertmanager to take as one.
        assert {alert["state"] for alert in down} == alerts

    with added(kube, tmp_path, OF_THE_SHOP, lab.namespace):
        closed.wait_ready(within=180)
        # That of another store is up all the while.
        eventually(lambda: is_target("down", {"firing"}), within=SCRAPED + 150)
        closed.edit(networkPolicies={"metricsFrom": [NAMESPACE]})
        eventually(lambda: is_target("up", set()), within=SCRAPED)


def test_stores_that_serve_nobody_alert_with_what_to_read_and_stop_when_they_are_mended(
    kube: Kube, prometheus: Prometheus, store: Store, module_lab: Lab
) -> None:
    login = module_lab.login("broken")
    broken = Store(kube, store.namespace, "broken")
    broken.apply(module_lab.spec(broken.name, login.spec("broken-db")))
    broken.wait_told("SecretNotFound")
    store.edit(replicas=0)
    shipped = shipped_alerts()

    def alerts(name: str, state: str, **labels: str) -> None:
        found = prometheus.alerts(alertname=name, **labels)
        assert [one["state"] for one in found] == [state], found
        annotations = found[0]["annotations"]
        assert annotations["runbook_url"] == f"docs/runbooks/{name}.md"
        assert found[0]["labels"]["severity"] == shipped[name]["labels"]["severity"]

    of_store, of_broken = (
        {"namespace": one.namespace, "store": one.name} for one in (store, broken)
    )
    why = {**of_broken, "reason": "SecretNotFound"}
    eventually(lambda: alerts("BookStoreDegraded", "pending", **why), within=60)
    eventually(lambda: alerts("BookStoreUnavailable", "firing", **of_broken), within=240)
    eventually(lambda: alerts("BookStoreUnavailable", "firing", **of_store), within=240)

    store.edit(replicas=2)
    kube.apply(login.secret(broken.namespace, "broken-db"))
    broken.wait_ready(within=180)
    store.wait_ready(within=180)

    def silent() -> None:
        assert prometheus.alerts(namespace=store.namespace) == []

    eventually(silent, within=SCRAPED)
