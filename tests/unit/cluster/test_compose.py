"""Which compose is taken, and where one is put."""

from pathlib import Path

import pytest

from cluster import compose, programs
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.settings import from_environment
from cluster.steps import Step

# A client that asks the plugin in its folder, and knows none where there is none.
CLIENT = '#!/bin/sh\nexec "$DOCKER_CONFIG/cli-plugins/docker-compose" "$@"\n'


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def says(version: str) -> str:
    return f"#!/bin/sh\necho {version}\n"


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(program(tmp_path / "docker", CLIENT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "configuration"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a build make a plugin at once, and give what was built."""
    names: list[str] = []

    def build(_settings: object, group: str, *_: object) -> Path:
        names.append(group)
        return program(tmp_path / group / "docker-compose", says("v2.40.3")).parent

    monkeypatch.setattr(programs, "build", build)
    return names


def put(folder: Path, version: str) -> Path:
    return program(folder / "cli-plugins" / "docker-compose", says(version))


@pytest.mark.parametrize(
    ("version", "will_do"),
    [
        *[("2.24.0", True), ("v2.40.3", True), ("2.26.1-4", True), ("5.0.0", True)],
        *[("2.23.3", False), ("1.29.2", False), ("", False), ("dev", False)],
    ],
)
def test_a_compose_that_reads_our_files_is_known_by_its_version(
    version: str, will_do: bool
) -> None:
    assert compose.will_do(version) is will_do


def test_the_compose_of_a_person_is_left_as_it_is(
    docker: Docker, folder: Path, built: list[str]
) -> None:
    put(folder, "2.31.0")
    step = Step("compose")
    compose.ensure(from_environment(), docker, folder, step)
    assert (built, step.outcome) == ([], "2.31.0 is present")


def test_a_client_without_compose_gets_the_one_that_is_built(
    docker: Docker, folder: Path, built: list[str]
) -> None:
    compose.ensure(from_environment(), docker, folder, Step("compose"))
    assert built == ["compose"]
    assert compose.version(docker, folder) == "v2.40.3"


def test_an_old_compose_in_the_folder_is_told_and_not_replaced(
    docker: Docker, folder: Path, built: list[str]
) -> None:
    place = put(folder, "2.10.0")
    with pytest.raises(ClusterError, match=r"is compose 2\.10\.0, which is older than 2\.24; "):
        compose.ensure(from_environment(), docker, folder, Step("compose"))
    assert (built, place.read_text()) == ([], says("2.10.0"))


def test_the_folder_is_the_one_that_the_client_reads() -> None:
    assert compose.client_folder({"HOME": "/home/ana"}) == Path("/home/ana/.docker")
    assert compose.client_folder({"HOME": "/x", "DOCKER_CONFIG": "/y"}) == Path("/y")


def test_a_program_is_stamped_with_its_version() -> None:
    settings = from_environment()
    flags = programs.stamped(settings, [programs.COMPOSE])
    version = settings.versions["COMPOSE_VERSION"]
    assert f"-X github.com/docker/compose/v2/internal.Version={version}" in flags
