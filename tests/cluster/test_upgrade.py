"""What becomes of an image that does not get ready, and of a store that hibernates."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.nodes import ctr, workers
from tests.cluster.support.operator import Operator
from tests.support.poll import eventually

WITHOUT_SERVER = """\
FROM {image}
USER root
RUN echo "create_sockets = None" >> $(python -c "from gunicorn import sock; print(sock.__file__)")
USER 10001
"""
"""A release that was built wrong: it migrates the database, and cannot serve."""


@pytest.fixture
def broken_image(kube: Kube, images: dict[str, str]) -> Iterator[str]:
    """Give an image whose pods end as they start, on every worker."""
    name = images["APP_IMAGE"] + "-broken"
    recipe = WITHOUT_SERVER.format(image=images["APP_IMAGE"])
    build = ["docker", "build", "--quiet", "--tag", name, "-"]
    subprocess.run(build, input=recipe, text=True, check=True, capture_output=True)
    saved = subprocess.run(["docker", "save", name], check=True, capture_output=True).stdout
    nodes = workers(kube)
    for node in nodes:
        load = [
            "docker",
            "exec",
            "-i",
            node,
            "ctr",
            "--namespace",
            "k8s.io",
            "images",
            "import",
            "-",
        ]
        subprocess.run(load, input=saved, check=True, capture_output=True)
    yield name
    for node in nodes:
        ctr(node, "images", "rm", f"docker.io/{name}")
    subprocess.run(["docker", "image", "rm", name], check=True, capture_output=True)


@pytest.mark.fault(row=20)
def test_an_image_that_does_not_get_ready_is_taken_back_and_nobody_notices(
    lab: Lab, images: dict[str, str], broken_image: str, operator: Operator
) -> None:
    store = lab.external(replicas=2, upgrade={"autoRollback": True, "progressDeadlineSeconds": 30})
    store.wait_ready()
    good = images["APP_IMAGE"]
    before = {pod["metadata"]["uid"] for pod in store.pods()}
    crowd = Crowd.of(store)
    with crowd:
        store.edit(image=broken_image)
        store.wait_told("RolledBack", mentions=broken_image, within=180)

        def whole() -> None:
            store.told("WebReady", "True")
            assert {pod["metadata"]["uid"] for pod in store.pods()} == before

        eventually(whole, within=60)
        # Whoever comes after the operator that took it back does not try it again.
        operator.kill()
        store.edit(resources=store.get()["spec"]["resources"], deletionPolicy="Delete")
        generation = store.get()["metadata"]["generation"]

        def seen() -> None:
            assert store.get()["status"]["observedGeneration"] == generation

        eventually(seen, within=60)
        whole()
    assert crowd.failed == []
    assert crowd.bought > 5
    assert crowd.sold() == crowd.bought
    status = store.get()["status"]
    assert status["image"] == good
    assert [entry["image"] for entry in status["history"]] == [good]
    assert f"{broken_image} did not get ready" in store.told("ImageCurrent", "False", "RolledBack")

    store.edit(image=good)
    store.wait_ready()
    assert {pod["metadata"]["uid"] for pod in store.pods()} == before


def test_a_store_that_hibernates_runs_nothing_and_wakes_with_all_its_data(lab: Lab) -> None:
    store = lab.embedded(replicas=2)
    store.wait_ready(within=240)
    book = store.shopper().publish("Rayuela", quantity=5)

    store.edit(state="Hibernated")

    def nothing_runs() -> None:
        assert store.pods() == []
        assert store.pods("database") == []

    def is_told() -> None:
        assert "set it to Running" in store.told("Available", "False", "Hibernated")
        store.told("Ready", "True")

    eventually(nothing_runs, within=120)
    eventually(is_told, within=30)
    assert store.claim("-mysql-data")["status"]["phase"] == "Bound"

    store.edit(state="Running")

    def serves() -> None:
        store.told("Available", "True")

    eventually(serves, within=180)
    store.wait_ready(within=120)
    assert store.shopper().stock(book) == 5
