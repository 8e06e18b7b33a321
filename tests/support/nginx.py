"""NGINX in a container, which leads to services on this machine as it does in compose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from cluster import engine, images
from cluster.builds import Builder
from cluster.registry import Registry
from cluster.settings import ROOT, from_environment
from cluster.steps import Step
from tests.support.cache import held
from tests.support.mysql import docker
from tests.support.poll import eventually
from tests.support.ports import free_port

CONFIGURATION = ROOT / "deploy" / "microservices" / "nginx.conf"
START_SECONDS = 30


def image() -> str:
    """Give the image, which is made where the engine has it not."""
    settings, step = from_environment(), Step("NGINX image")
    with held(settings):
        client = engine.ensure(settings, step)
        return images.nginx(Builder(settings, client), Registry(client), step)


@contextmanager
def leading_to(ports: Mapping[str, int], folder: Path) -> Iterator[str]:
    """Run it, and give its URL; the services may come later.

    :param ports: of each service.
    :param folder: where its configuration is written.
    """
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(configuration(CONFIGURATION.read_text(), ports, port))
    file.chmod(0o644)
    container = docker(
        *("run", "--detach", "--rm", "--network", "host", "--user", "101:101"),
        *("--read-only", "--tmpfs", "/tmp", "--volume", f"{file}:{file}:ro"),
        *(image(), "nginx", "-c", str(file), "-g", "daemon off;"),
    )
    try:
        url = f"http://127.0.0.1:{port}"

        def answers() -> None:
            httpx.get(f"{url}/healthz", trust_env=False)

        eventually(answers, within=START_SECONDS)
        yield url
    finally:
        docker("rm", "--force", container)


def configuration(text: str, ports: Mapping[str, int], port: int) -> str:
    """Return compose's configuration for services at ports of this machine."""
    upstreams = "".join(
        f"  upstream {name} {{ server 127.0.0.1:{port}; }}\n" for name, port in ports.items()
    )
    changes = {
        "  resolver 127.0.0.11 valid=2s ipv6=off;\n": upstreams,
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "http://$service:5000": "http://$service",
        "http://$stand_in:5000": "http://$stand_in",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
