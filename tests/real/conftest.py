"""Fixtures of the tier: third-party controllers at work in the local cluster.

Each is built, installed and started for the first test that asks for it, and taken away after the
last one. What a test makes for it to act on lies in a namespace of the test's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.conftest import (
    images,
    kube,
    lab,
    module_lab,
    mysql,
    namespace,
    operator,
    pytest_runtest_makereport,
)
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import opened
from tests.cluster.support.store import Store
from tests.real.parts.certmanager import part as certmanager_part
from tests.real.parts.kuberouter import part as kuberouter_part
from tests.real.parts.loadbalancers import part as loadbalancers_part
from tests.real.parts.loadbalancers.cloud import Cloud
from tests.real.parts.pebble import part as pebble_part
from tests.real.parts.pebble.part import Pebble
from tests.real.parts.percona import part as percona_part
from tests.real.parts.prometheus import part as prometheus_part
from tests.real.parts.prometheus.part import Prometheus
from tests.real.parts.prometheusadapter import part as prometheusadapter_part
from tests.real.parts.traefik import part as traefik_part
from tests.real.parts.traefik.part import Traefik
from tests.real.parts.versitygw import part as versitygw_part
from tests.real.parts.versitygw.part import ObjectStore
from tests.real.support import monitoring
from tests.real.support.workshop import Workshop

__all__ = [
    "images",
    "kube",
    "lab",
    "module_lab",
    "mysql",
    "namespace",
    "operator",
    "pytest_runtest_makereport",
]


@pytest.fixture(scope="session", autouse=True)
def workshop(kube: Kube) -> Iterator[Workshop]:
    """Install parts; made first of all, so that they go after what tests have made for them."""
    workshop = Workshop(kube)
    yield workshop
    workshop.clear()


@pytest.fixture(scope="session")
def traefik(workshop: Workshop) -> Traefik:
    """Serve Ingresses and Gateways of the class traefik."""
    return workshop.keep(traefik_part.running(workshop))


@pytest.fixture(scope="session")
def pebble(workshop: Workshop) -> Pebble:
    """Run an authority that gives certificates by ACME."""
    return workshop.keep(pebble_part.running(workshop))


@pytest.fixture(scope="session")
def object_store(workshop: Workshop) -> ObjectStore:
    """Run a server that speaks S3, with a bucket."""
    return workshop.keep(versitygw_part.running(workshop))


@pytest.fixture(scope="session")
def cert_manager(workshop: Workshop, traefik: Traefik) -> None:
    """Serve the kinds of cert-manager, with Traefik to answer challenges by Ingress or Gateway."""
    workshop.keep(certmanager_part.running(workshop, gateways=True))


@pytest.fixture(scope="session")
def cloud(workshop: Workshop) -> Cloud:
    """Run the AWS Load Balancer Controller, and give the account of AWS that it works in."""
    return workshop.keep(loadbalancers_part.running(workshop))


@pytest.fixture(scope="session")
def percona_operator(workshop: Workshop) -> None:
    """Serve PerconaXtraDBClusters."""
    workshop.keep(percona_part.running(workshop))


@pytest.fixture(scope="session")
def prometheus(workshop: Workshop) -> Prometheus:
    """Serve the kinds of the Prometheus operator, by a Prometheus that looks everywhere."""
    return workshop.keep(prometheus_part.running(workshop))


@pytest.fixture(scope="session")
def custom_metrics(workshop: Workshop, prometheus: Prometheus) -> None:
    """Serve autoscalers the metrics for which the guide has a rule."""
    workshop.keep(prometheusadapter_part.running(workshop, monitoring.adapter_rules()))


@pytest.fixture(scope="module")
def enforced_policies(workshop: Workshop) -> Iterator[None]:
    """Have NetworkPolicies enforced for a module: the tests of others know nothing of it."""
    with kuberouter_part.running(workshop):
        yield


@pytest.fixture(scope="session")
def store(kube: Kube, mysql: MySQL, images: dict[str, str]) -> Iterator[Store]:
    """Run a store that tests put their own way in before, and do not change."""
    with opened(kube, "real") as name:
        store = Lab(kube, name, images, mysql).external()
        store.wait_ready(within=180)
        yield store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run first what must find the cluster without any part, as a part stays until the end."""
    items.sort(key=lambda item: item.get_closest_marker("before_parts") is None)
