"""What every part of some stores wants, word for word.

``pytest tests/unit/operator/test_goldens.py --update-goldens`` writes the goldens anew; the
difference is then to be read like code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bookstore_operator.components.service import OfService
from bookstore_operator.engine.component import Component
from bookstore_operator.kube.objects import Manifest
from tests.unit.operator.staging import parsed, play, seen

HERE = Path(__file__).parent
STORES = sorted((HERE / "stores").glob("*.yaml"))


class Plain(yaml.SafeDumper):
    """Write every value where it stands, without anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def name(part: Component[Any]) -> str:
    """Return what a component's golden is called: its file or folder below components.

    Before that stands the service, where it is of one.
    """
    if isinstance(part, OfService):
        return f"{part.service}-{name(part.inner)}"
    return type(part).__module__.split(".")[2]


def wanted(path: Path) -> dict[str, list[Manifest]]:
    body, *objects = yaml.safe_load_all(path.read_text())
    root = parsed(body)
    made = play(root, seen(root, *objects))
    return {name(part): manifests for part, manifests in made.items()}


GOLDENS = [(path, part) for path in STORES for part in wanted(path)]


@pytest.mark.parametrize(
    ("path", "part"), GOLDENS, ids=[f"{path.stem}-{part}" for path, part in GOLDENS]
)
def test_a_part_wants_what_its_golden_says(
    path: Path, part: str, request: pytest.FixtureRequest
) -> None:
    golden = HERE / "goldens" / path.stem / f"{part}.yaml"
    manifests = wanted(path)[part]
    if request.config.getoption("--update-goldens", default=False):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(yaml.dump_all(manifests, Dumper=Plain, sort_keys=False))
    assert list(yaml.safe_load_all(golden.read_text())) == manifests


def test_no_golden_is_left_over() -> None:
    kept = {path.relative_to(HERE / "goldens") for path in HERE.glob("goldens/*/*.yaml")}
    assert kept == {Path(path.stem, f"{part}.yaml") for path, part in GOLDENS}


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.stem)
def test_every_pod_meets_the_restricted_standard(path: Path) -> None:
    specs = [
        manifest.get("spec", {}).get("jobTemplate", manifest).get("spec", {})
        for manifests in wanted(path).values()
        for manifest in manifests
    ]
    pods = [spec["template"]["spec"] for spec in specs if "template" in spec]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is (container["name"] != "proxy")
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.stem)
def test_no_secret_value_stands_outside_of_a_secret(path: Path) -> None:
    made = [manifest for manifests in wanted(path).values() for manifest in manifests]
    for manifest in made:
        if manifest["kind"] != "Secret":
            assert "token-" not in yaml.safe_dump(manifest)
            assert "s3cret" not in yaml.safe_dump(manifest)
