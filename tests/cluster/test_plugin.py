"""A person types `kubectl bookstore` at a store from its first trouble to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.namespaces import opened
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import Store
from tests.support.poll import eventually

ROOT = Path(__file__).parents[2]
Typed = tuple[int, str]


@pytest.fixture
def bookstore(kube: Kube, tmp_path: Path) -> Callable[..., Typed]:
    """Put the plugin where kubectl looks for it, and return what types a command of it."""
    plugin = tmp_path / "kubectl-bookstore"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} -m kubectl_bookstore "$@"\n')
    plugin.chmod(0o755)
    kubectl, *context = kube.command
    folders = f"{tmp_path}:{Path(kubectl).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": folders, "PYTHONPATH": str(ROOT / "plugin")}

    def typed(*arguments: str) -> Typed:
        done = subprocess.run(
            [kubectl, "bookstore", *arguments, *context],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return typed


def test_a_store_is_helped_along(
    kube: Kube, lab: Lab, bookstore: Callable[..., Typed], tmp_path: Path
) -> None:
    here = ("-n", lab.namespace)
    login = lab.login("shop")
    store = Store(kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", login.spec("shop-db")))
    store.wait_told("SecretNotFound")
    code, printed = bookstore("doctor", "shop", *here)
    assert code == 1
    assert "SecretNotFound" in printed
    assert "Make the Secret that the message names" in printed

    kube.apply(login.secret(lab.namespace, "shop-db"))
    store.wait_ready()
    code, printed = bookstore("status", "shop", *here)
    assert (code, "✓ Ready" in printed, "✗" in printed) == (0, True, False)
    assert bookstore("doctor", "shop", *here) == (0, f"{lab.namespace}/shop: nothing blocks it.\n")
    assert bookstore("open", "shop", "--print", *here) == (0, f"{store.url()}\n")
    code, printed = bookstore("logs", "shop", "--tail=5", *here)
    assert code == 0
    assert "[pod/shop-" in printed

    assert bookstore("pause", "shop", *here)[0] == 0
    eventually(lambda: store.told("Ready", "True", "Paused"), within=30)
    assert "kubectl bookstore resume" in bookstore("doctor", "shop", *here)[1]
    assert bookstore("resume", "shop", *here)[0] == 0
    store.wait_ready()

    to = tmp_path / "gathered.tar.gz"
    assert bookstore("must-gather", "-o", str(to), *here)[0] == 0
    with tarfile.open(to) as tar:
        files = {one.name: tar.extractfile(one) for one in tar.getmembers()}
        content = {name: file.read().decode() for name, file in files.items() if file}
    assert any(name.endswith(".log") and log for name, log in content.items())
    for value in (login.password, *store.secret().values()):
        assert [name for name, text in content.items() if value in text] == []


@pytest.mark.slow
def test_a_namespace_that_hangs_without_an_operator_is_let_go(
    kube: Kube, lab: Lab, operator: Operator, bookstore: Callable[..., Typed]
) -> None:
    with opened(kube, "abandoned") as namespace:
        abandoned = Lab(kube, namespace, lab.images, lab.mysql)
        store = abandoned.external()
        store.wait_ready()
        (volume,) = [one for one in store.children() if one["kind"] == "PersistentVolume"]
        operator.stop()
        try:
            kube.delete("Namespace", "", namespace)

            def hangs() -> None:
                left = kube.get("Namespace", "", namespace)["status"].get("conditions", [])
                told = {one["type"]: one["status"] for one in left}
                assert told.get("NamespaceFinalizersRemaining") == "True", told

            eventually(hangs, within=90)
            code, printed = bookstore("release", "-n", namespace)
            assert code == 0
            assert f"BookStore {namespace}/shop let go" in printed

            def gone() -> None:
                assert kube.find("Namespace", "", namespace) is None

            eventually(gone, within=90)
            kept = kube.get("PersistentVolume", "", volume["metadata"]["name"])
            assert kept["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        finally:
            operator.start()
