"""The operator's chart installs what kustomize does, and lets no more differ than it says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.support.kube import CACHE, Manifest
from tests.deploy.eks.support.overlays import MANIFESTS, ROOT, one, written
from tests.deploy.eks.support.program import program

BUILT = CACHE / "bin" / "kubectl"
KUBECTL = str(BUILT) if BUILT.exists() else shutil.which("kubectl") or "kubectl"
CHART = ROOT / "charts" / "bookstore-operator"
Key = tuple[str, str, str]


def helm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program("helm")), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(folder)},
    )


def rendered(folder: Path, *arguments: str, namespace: str = "bookstore-system") -> list[Manifest]:
    """Return what Helm would install."""
    done = helm(
        folder,
        *("template", "bookstore-operator", str(CHART), "--include-crds"),
        *("--namespace", namespace, *arguments),
    )
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def kustomized(folder: Path, *components: str) -> list[Manifest]:
    """Return what `kubectl apply -k` would apply."""
    paths = [MANIFESTS / "components" / name for name in components]
    written(folder, resources=[ROOT], components=paths)
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def by_name(manifests: list[Manifest]) -> dict[Key, Manifest]:
    """Return objects by kind, namespace and name; the namespace itself is the release's."""
    return {
        (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one
        for one in manifests
        if one["kind"] != "Namespace"
    }


@pytest.mark.parametrize(
    ("components", "options"),
    [((), ()), (("monitoring-operator",), ("--set", "monitoring.enabled=true"))],
)
def test_helm_and_kustomize_give_the_same_objects(
    tmp_path: Path, components: tuple[str, ...], options: tuple[str, ...]
) -> None:
    charted, applied = (
        by_name(rendered(tmp_path, *options)),
        by_name(kustomized(tmp_path, *components)),
    )
    assert charted.keys() == applied.keys()
    for key, manifest in applied.items():
        assert charted[key] == manifest, key


def test_lint_finds_nothing(tmp_path: Path) -> None:
    done = helm(tmp_path, "lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_may_differ_does(tmp_path: Path) -> None:
    values = {
        "replicas": 1,
        "image": {"repository": "registry.example.com/operator", "tag": "2"},
        "imagePullSecrets": [{"name": "registry"}],
        "logLevel": "debug",
        "watchNamespaces": ["a", "b"],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "monitoring": {"enabled": True, "runbookUrlPrefix": "https://example.com/"},
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    manifests = rendered(tmp_path, "--values", str(tmp_path / "values.yaml"), namespace="shops")
    deployment = one(manifests, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert deployment["spec"]["replicas"] == 1
    assert container["image"] == "registry.example.com/operator:2"
    assert (env["LOG_LEVEL"], env["WATCH_NAMESPACES"]) == ("debug", "a,b")
    assert [pod[name] for name in ("imagePullSecrets", "nodeSelector", "tolerations")] == [
        [{"name": "registry"}],
        {"kubernetes.io/os": "linux"},
        [{"operator": "Exists"}],
    ]
    subjects = [one for m in manifests for one in m.get("subjects", [])]
    assert {one["namespace"] for one in subjects} == {"shops"}
    (group,) = one(manifests, "PrometheusRule")["spec"]["groups"]
    urls = [rule["annotations"]["runbook_url"] for rule in group["rules"]]
    assert all(url.startswith("https://example.com/docs/runbooks/") for url in urls)
    assert not any("bookstore-system" in str(m) for m in manifests if m["kind"] == "Role")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("logLevel=loud", "logLevel"),
        ("replicas=two", "replicas"),
        ("image.repositry=x", "repositry"),
        ("watchNamespaces=books", "watchNamespaces"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(tmp_path: Path, value: str, named: str) -> None:
    done = helm(tmp_path, "template", "x", str(CHART), "--set", value)
    assert done.returncode != 0
    assert named in done.stderr
