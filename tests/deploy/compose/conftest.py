"""What the tests of compose share: an engine, its compose plugin, the images, and shops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import compose, engine, images
from cluster.builds import Builder
from cluster.registry import Registry
from cluster.settings import from_environment
from cluster.steps import Step
from tests.deploy.compose.guide import commands
from tests.deploy.compose.project import Project
from tests.support.cache import held

Make = Callable[[str], Project]


@pytest.fixture(scope="session")
def machine() -> dict[str, str]:
    """Give the variables under which docker compose works here, its images at hand.

    The client that a person has is taken as it is where it knows compose; else the plugin is built
    and lies in a configuration of the tests' own.
    """
    settings, step = from_environment(), Step("tests of compose")
    with held(settings):
        docker = engine.ensure(settings, step)
        folder = compose.client_folder()
        if not compose.will_do(compose.version(docker, folder)):
            folder = settings.cache / "docker"
            compose.ensure(settings, docker, folder, step)
        builder, registry = Builder(settings, docker), Registry(docker)
        mysql = images.mysql(builder, registry, step)
        python = images.python(builder, registry, step)
        nginx = images.nginx(builder, registry, step)
    return {
        **docker.env,
        "DOCKER_CONFIG": str(folder),
        "MYSQL_IMAGE": mysql,
        "PYTHON_IMAGE": python,
        "NGINX_IMAGE": nginx,
    }


@pytest.fixture(scope="module")
def make(machine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Make checkouts, of which nothing stays in Docker."""
    made: list[Project] = []

    def one(name: str) -> Project:
        project = Project(tmp_path_factory.mktemp(name), name, machine)
        project.remove()
        made.append(project)
        return project

    yield one
    for project in made:
        project.remove()


@pytest.fixture(scope="module")
def shop(make: Make, request: pytest.FixtureRequest) -> Project:
    """Give a shop with its MySQL, started as the guide says."""
    project = make(Path(request.module.__file__).stem.removeprefix("test_"))
    (start,) = commands("Start")
    project.type(start)
    return project
