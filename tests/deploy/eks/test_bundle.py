"""The bundle for the Operator Lifecycle Manager says what the manifests say, in its own form."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.support.kube import CACHE, Manifest
from tests.deploy.eks.support.overlays import ROOT

BUNDLE = ROOT / "bundle"
OPERATOR = ROOT / "manifests" / "operator"
VALIDATOR = Path(__file__).parent / "go-olm"


def read(path: Path) -> Manifest:
    found: Manifest = yaml.safe_load(path.read_text())
    return found


@pytest.fixture(scope="module")
def csv() -> Manifest:
    return read(BUNDLE / "manifests" / "bookstore-operator.clusterserviceversion.yaml")


def test_the_operator_framework_finds_nothing_to_complain_of() -> None:
    built = CACHE / "go" / "olm" / "validate"
    built.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["go", "build", "-ldflags", "-s -w", "-o", built, "."],
        cwd=VALIDATOR,
        env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        check=True,
    )
    done = subprocess.run([built, BUNDLE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_installs_what_the_manifests_do(csv: Manifest) -> None:
    install = csv["spec"]["install"]["spec"]
    (deployment,) = install["deployments"]
    wanted = read(OPERATOR / "deployment.yaml")["spec"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (own,) = wanted["template"]["spec"]["containers"]
    watched = "metadata.annotations['olm.targetNamespaces']"
    for variable in own["env"]:
        if variable["name"] == "WATCH_NAMESPACES":
            variable["valueFrom"] = {"fieldRef": {"fieldPath": watched}}
    assert container == own
    assert deployment["spec"] == wanted


def test_it_grants_what_the_manifests_do(csv: Manifest) -> None:
    install = csv["spec"]["install"]["spec"]
    for kind, file in (("clusterPermissions", "clusterrole.yaml"), ("permissions", "role.yaml")):
        (granted,) = install[kind]
        assert granted["rules"] == read(OPERATOR / file)["rules"]
        assert granted["serviceAccountName"] == "bookstore-operator"


def test_it_has_an_example_of_each_kind_that_it_owns(csv: Manifest) -> None:
    owned = {one["kind"] for one in csv["spec"]["customresourcedefinitions"]["owned"]}
    examples = yaml.safe_load(csv["metadata"]["annotations"]["alm-examples"])
    assert owned == {one["kind"] for one in examples}
