"""Every environment and every component can be applied as it stands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.support.dryrun import dry_run
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.namespaces import opened
from tests.deploy.eks.support.overlays import MANIFESTS, ROOT, one, rendered, written

OVERLAYS = sorted(found.parent for found in (MANIFESTS / "overlays").rglob("kustomization.yaml"))
COMPONENTS = MANIFESTS / "components"
SETTINGS_FILE = MANIFESTS / "overlays" / "prod" / "store" / "settings.yaml"
GITOPS = sorted((ROOT / "deploy" / "eks" / "gitops").rglob("*.yaml"))
# By the component: what else it stands on, where that is not the sample of EKS.
BASES = {"monitoring-operator": "operator"}
PICKED = sorted(found.parent for found in COMPONENTS.glob("*/kustomization.yaml"))

pytestmark = pytest.mark.usefixtures("third_party_kinds")


@pytest.fixture
def place(kube: Kube) -> Iterator[str]:
    """Lend a namespace to judge in."""
    with opened(kube, "overlay") as name:
        yield name


@pytest.fixture
def picked(kube: Kube, tmp_path: Path, request: pytest.FixtureRequest) -> list[Manifest]:
    """Render one component by itself, over the least that it can stand on."""
    component: Path = request.param
    base = BASES.get(component.name, "samples/eks")
    settings = [written_settings(tmp_path)] if base == "samples/eks" else []
    return rendered(
        kube,
        written(tmp_path, resources=[MANIFESTS / base, *settings], components=[component]),
    )


def written_settings(folder: Path) -> Path:
    """Write the settings of prod, which know every component, beside a test's kustomization."""
    copy = folder / "settings"
    copy.mkdir()
    (copy / "settings.yaml").write_text(SETTINGS_FILE.read_text())
    (copy / "kustomization.yaml").write_text("resources: [settings.yaml]\n")
    return copy


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_an_environment_passes_strict_validation(kube: Kube, place: str, overlay: Path) -> None:
    dry_run(kube, rendered(kube, overlay), place)


@pytest.mark.parametrize("picked", PICKED, ids=lambda path: path.name, indirect=True)
def test_a_component_passes_strict_validation_by_itself(
    kube: Kube, place: str, picked: list[Manifest]
) -> None:
    dry_run(kube, picked, place)


@pytest.mark.parametrize(
    "example",
    [path for path in GITOPS if path.name != "kustomization.yaml"],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_an_example_of_gitops_passes_strict_validation(
    kube: Kube, place: str, example: Path
) -> None:
    dry_run(kube, list(yaml.safe_load_all(example.read_text())), place)


@pytest.mark.parametrize("environment", ["lab", "qa", "prod"])
def test_an_environment_takes_what_is_of_the_account_from_its_settings(
    kube: Kube, environment: str
) -> None:
    folder = MANIFESTS / "overlays" / environment / "store"
    settings = yaml.safe_load((folder / "settings.yaml").read_text())["data"]
    manifests = rendered(kube, folder)
    told = yaml.safe_dump_all(manifests)
    assert [value for value in settings.values() if value not in told] == []
    assert "from settings.yaml" not in told
    assert "from the store" not in told
    left = {m["metadata"]["name"] for m in manifests if m["kind"] == "ConfigMap"}
    assert left <= {"bookstore-dashboard"}, "the settings themselves are not applied"


def test_https_ends_at_the_load_balancer_with_the_certificate_of_the_domain(kube: Kube) -> None:
    folder = MANIFESTS / "overlays" / "qa" / "store"
    settings = yaml.safe_load((folder / "settings.yaml").read_text())["data"]
    manifests = rendered(kube, folder)
    balancer = one(manifests, "BookStore")["spec"]["exposure"]["loadBalancer"]
    assert balancer == {
        "host": settings["domain"],
        "loadBalancerClass": "service.k8s.aws/nlb",
        "aws": {
            "scheme": "InternetFacing",
            "targetType": "IP",
            "certificateArn": settings["certificateArn"],
        },
    }
    gate = "elbv2.k8s.aws/pod-readiness-gate-inject"
    assert one(manifests, "Namespace")["metadata"]["labels"][gate] == "enabled"


def test_https_of_a_lab_needs_no_controller_and_no_role_of_its_own(kube: Kube) -> None:
    folder = MANIFESTS / "overlays" / "lab" / "store"
    settings = yaml.safe_load((folder / "settings.yaml").read_text())["data"]
    manifests = rendered(kube, folder)
    balancer = one(manifests, "BookStore")["spec"]["exposure"]["loadBalancer"]
    assert balancer == {
        "host": settings["domain"],
        "aws": {"scheme": "InternetFacing", "certificateArn": settings["certificateArn"]},
    }
    assert {manifest["apiVersion"] for manifest in manifests} == {"v1", "bookstore.dev/v1"}


@pytest.mark.parametrize("setting", sorted(yaml.safe_load(SETTINGS_FILE.read_text())["data"]))
def test_a_setting_that_is_missing_is_named_before_anything_is_applied(
    kube: Kube, tmp_path: Path, setting: str
) -> None:
    for part in ("components", "samples"):
        shutil.copytree(MANIFESTS / part, tmp_path / part)
    store = tmp_path / "overlays" / "prod" / "store"
    shutil.copytree(SETTINGS_FILE.parent, store)
    settings = yaml.safe_load(SETTINGS_FILE.read_text())
    del settings["data"][setting]
    (store / "settings.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(AssertionError, match=rf"data\.{setting}\b.* is missing .*ConfigMap"):
        kube.kubectl("apply", "--dry-run=client", "-k", str(store))


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("fileSystemId", "bookstore-files", r"spec.storage.efs.fileSystemId.*bookstore-files"),
        ("accessPointId", "fs-0123456789abcdef0", r"spec.storage.efs.accessPointId.*fsap-"),
        ("databaseHost", "https://db.example.com:3306", r"spec.database.external.host"),
        ("image", "", r"spec.image"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_by_its_field(
    kube: Kube, place: str, setting: str, value: str, sentence: str
) -> None:
    manifests = rendered(kube, MANIFESTS / "overlays" / "lab" / "store")
    store = one(manifests, "BookStore")
    fields = {
        "fileSystemId": (store["spec"]["storage"]["efs"], "fileSystemId"),
        "accessPointId": (store["spec"]["storage"]["efs"], "accessPointId"),
        "databaseHost": (store["spec"]["database"]["external"], "host"),
        "image": (store["spec"], "image"),
    }
    holder, field = fields[setting]
    holder[field] = value
    with pytest.raises(AssertionError, match=sentence):
        dry_run(kube, [store], place)


@pytest.mark.parametrize("environment", ["lab", "qa", "prod"])
def test_an_environment_is_backed_up_each_night(kube: Kube, environment: str) -> None:
    manifests = rendered(kube, MANIFESTS / "overlays" / environment / "store")
    assert one(manifests, "BookStore")["spec"]["backup"] == {"schedule": "17 3 * * *", "keep": 14}


def test_the_database_of_prod_has_the_login_and_the_schema_of_the_store(kube: Kube) -> None:
    manifests = rendered(kube, MANIFESTS / "overlays" / "prod" / "store")
    external = one(manifests, "BookStore")["spec"]["database"]["external"]
    instance = one(manifests, "DBInstance")
    password = instance["spec"]["masterUserPassword"]
    assert instance["spec"]["dbName"] == external["schema"]
    assert password["name"] == external["credentialsSecretRef"]["name"]
    assert password["namespace"] == instance["metadata"]["namespace"]
    assert instance["metadata"]["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
    wanted = {"multiAZ": True, "storageEncrypted": True, "deletionProtection": True}
    assert instance["spec"].items() >= (wanted | {"publiclyAccessible": False}).items()
