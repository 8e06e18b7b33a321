"""Fixtures of the cluster tier: namespaces, stores, the operator, one shared MySQL."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.support.kube import Kube, node_images
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import opened, wait_all_gone
from tests.cluster.support.operator import Operator
from tests.cluster.support.report import tell
from tests.cluster.support.store import Store

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """Reach the local cluster; `make up` or `python3 -m cluster up --for-tests` brings it up.

    At the end of the run, every namespace of a test must go: no finalizer of ours is left behind.
    """
    kube = Kube()
    yield kube
    wait_all_gone(kube)


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Name the images that the cluster's nodes hold: APP_IMAGE, OPERATOR_IMAGE, MYSQL_IMAGE."""
    return node_images()


@pytest.fixture(scope="session")
def operator(kube: Kube) -> Operator:
    return Operator(kube)


@pytest.fixture(scope="session")
def sample(kube: Kube, images: dict[str, str]) -> Iterator[Store]:
    """Run the store of the sample with the embedded database, in a namespace of its own.

    Images are the cluster's own, and the port that `make up` maps to this machine is left to it.
    """
    (spec,) = (
        manifest["spec"]
        for path in sorted(SAMPLES.rglob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text())
        if manifest["kind"] == "BookStore" and "embedded" in manifest["spec"]["database"]
    )
    spec["image"] = images["APP_IMAGE"]
    spec["database"]["embedded"]["image"] = images["MYSQL_IMAGE"]
    spec.get("exposure", {}).get("loadBalancer", {}).pop("nodePort", None)
    with opened(kube, "sample") as name:
        store = Store(kube, name, "bookstore")
        store.apply(spec)
        store.wait_ready(within=240)
        yield store


def slug(node: pytest.Item | pytest.Collector) -> str:
    """Return a short name for a test or module that a namespace can carry."""
    stem = node.name.removesuffix(".py").rpartition("/")[2].removeprefix("test_")
    digest = hashlib.sha256(node.nodeid.encode()).hexdigest()[:3]
    return "".join(c if c.isalnum() else "-" for c in stem.lower())[:20].strip("-") + digest


@pytest.fixture
def namespace(kube: Kube, request: pytest.FixtureRequest) -> Iterator[str]:
    """Lend the test a namespace of its own."""
    with opened(kube, slug(request.node)) as name:
        yield name


@pytest.fixture(scope="session")
def mysql(kube: Kube, images: dict[str, str]) -> Iterator[MySQL]:
    """Run the one MySQL server that stores with an external database share."""
    with opened(kube, "mysql") as name:
        server = MySQL(kube, name)
        server.start(images["MYSQL_IMAGE"])
        yield server


@pytest.fixture
def lab(kube: Kube, namespace: str, mysql: MySQL, images: dict[str, str]) -> Lab:
    """Make stores in the test's own namespace."""
    return Lab(kube, namespace, images, mysql)


@pytest.fixture(scope="module")
def module_lab(
    kube: Kube, mysql: MySQL, images: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Lab]:
    """Make stores in a namespace that the module's tests share."""
    with opened(kube, slug(request.node)) as name:
        yield Lab(kube, name, images, mysql)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what the stores of the test and the operator have to say."""
    report = yield
    if report.failed:
        for value in item.funcargs.values():
            if isinstance(value, Lab | Store):
                report.sections.append(
                    (f"stores of {value.namespace}", tell(value.kube, value.namespace))
                )
        kube = item.funcargs.get("kube")
        if isinstance(kube, Kube):
            report.sections.append(("operator", Operator(kube).log()))
    return report
