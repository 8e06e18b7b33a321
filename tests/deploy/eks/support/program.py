"""Programs of the field, and two of the tests' own, built from the Go module below go/."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from tests.cluster.support.kube import CACHE

MODULE = Path(__file__).parents[1] / "go"
PACKAGES = {
    "argocd": "./argocd",
    "flux": "./flux",
    "helm": "helm.sh/helm/v4/cmd/helm",
    "promtool": "github.com/prometheus/prometheus/cmd/promtool",
}


@functools.cache
def program(name: str) -> Path:
    """Return a program, which is compiled where Go's cache lacks it, as all four are together."""
    folder = CACHE / "go" / "deploy-eks"
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            *("go", "build", "-ldflags", "-s -w", "-o", f"{folder}/"),
            # promtool needs none of Prometheus' ways to discover the machines of clouds.
            *("-tags", "remove_all_sd"),
            *PACKAGES.values(),
        ],
        cwd=MODULE,
        env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"go build: {done.stderr}"
    return folder / name
