"""Where things are and what they are called."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.versions import Versions

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cluster"
# As kind: the name becomes a part of host names (RFC 1123 label).
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Settings:
    """What one invocation works with: the cluster's name, the cache folder, the versions."""

    name: str
    cache: Path
    versions: Versions

    @property
    def context(self) -> str:
        """Give the kubeconfig context that kind makes for this cluster."""
        return f"kind-{self.name}"

    @property
    def state(self) -> Path:
        """Give the folder of what belongs to this cluster alone."""
        return self.cache / "clusters" / self.name

    @property
    def kubectl(self) -> Path:
        """Give the path of our kubectl."""
        return self.cache / "bin" / "kubectl"

    @property
    def kind(self) -> Path:
        """Give the path of our kind."""
        return self.cache / "bin" / "kind"


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read BOOKSTORE_CLUSTER, XDG_CACHE_HOME and HOME.

    Raises ClusterError when the cluster's name is not a DNS label of at most 40 characters.
    """
    name = environ.get("BOOKSTORE_CLUSTER") or "bookstore"
    if not CLUSTER_NAME.fullmatch(name):
        raise ClusterError(
            f"BOOKSTORE_CLUSTER is {name!r}; use at most 40 of a-z, 0-9 and '-', "
            "with a letter or digit at both ends."
        )
    cache_home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "/")) / ".cache")
    if not Path(cache_home).is_absolute():
        raise ClusterError(f"XDG_CACHE_HOME is {cache_home!r}; give an absolute path.")
    return Settings(name, Path(cache_home) / "bookstore", Versions.load(ROOT / "versions.env"))
