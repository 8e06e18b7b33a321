"""Fixtures of the tier: the operator of before in the local cluster, and stores that it made."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from cluster import engine, install, kindcluster
from cluster import images as builds
from cluster.builds import Builder
from cluster.images import Images
from cluster.kindcluster import Cluster
from cluster.settings import from_environment
from cluster.steps import Step
from tests.cluster.conftest import (
    images,
    kube,
    mysql,
    operator,
    pytest_runtest_makereport,
)
from tests.cluster.support.kube import Kube
from tests.support.revisions import NoRevision
from tests.upgrade.release import REVISION, Release, resolved

__all__ = ["images", "kube", "mysql", "operator", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    settings = from_environment()
    return kindcluster.running(settings, engine.answering())


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Unpack the revision to upgrade from."""
    try:
        revision = resolved(os.environ.get(REVISION, ""))
    except NoRevision as error:
        pytest.exit(str(error))
    return Release.unpacked(revision, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def today(images: dict[str, str]) -> Images:
    """Name the images of the working tree."""
    return Images(
        images["APP_IMAGE"], images["OPERATOR_IMAGE"], images["MYSQL_IMAGE"], images["NGINX_IMAGE"]
    )


@pytest.fixture(scope="session")
def former(kube: Kube, cluster: Cluster, release: Release, today: Images) -> Iterator[Images]:
    """Run the operator of then, and name its images; today's is back at the end."""
    step = Step("the release of before")
    builder = Builder(cluster.settings, cluster.docker)
    made = release.build(builder, today, step)
    builds.load(builder, cluster.workers, [made.app, made.operator], step)
    try:
        release.install(cluster, made, step)
        yield made
    finally:
        upgrade(cluster, today)


def upgrade(cluster: Cluster, today: Images) -> None:
    """Apply today's definitions and operator, as docs/how-to/upgrade.md says."""
    install.operator(cluster, today, Step("the operator of today"))
