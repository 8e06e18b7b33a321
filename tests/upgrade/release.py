"""A release of before: its files out of git, its images, and its operator in the cluster."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import images, install
from cluster.builds import Builder
from cluster.images import Images
from cluster.kindcluster import Cluster
from cluster.registry import Registry
from cluster.settings import ROOT
from cluster.steps import Step
from tests.support.revisions import NoRevision, commit, git, newest_tag, unpack

REVISION = "UPGRADE_FROM"
"""The variable of the environment that names the revision."""

OPERATOR = "app.kubernetes.io/name=bookstore-operator"
"""The label of what is installed, which the definitions of resources do not have."""

FIRST = "204ebdc"
"""What is upgraded from as long as no release has a tag: the last state without backups, restores,
a Lease, scaling and placement."""


@dataclass(frozen=True)
class Release:
    """The files of a revision.

    Attributes:
        revision: The commit, in short.
        folder: Where its files are.
    """

    revision: str
    folder: Path

    @classmethod
    def unpacked(cls, revision: str, folder: Path) -> Release:
        """Return a revision's files, out of git's archive of it."""
        unpack(revision, folder)
        return cls(revision, folder)

    def build(self, builder: Builder, today: Images, step: Step) -> Images:
        """Return the images of then, built as `python3 -m cluster images` does, under own tags.

        Those of others are today's.
        """
        base = images.python(builder, Registry(builder.docker), step)
        built = {}
        for target in ("app", "operator"):
            built[target] = f"bookstore/{target}:from-{self.revision}"
            if not builder.image_id(built[target]):
                step.note(f"building {built[target]}")
                arguments = {"PYTHON_IMAGE": base}
                builder.build(self.folder, built[target], target=target, arguments=arguments)
        return Images(built["app"], built["operator"], today.mysql, today.nginx)

    def install(self, cluster: Cluster, made: Images, step: Step) -> None:
        """Install the operator of then in the place of today's, which must have no stores.

        Its definitions of resources go too, with all that came after the release.
        """
        left = cluster.attempt("get", "bookstores", "--all-namespaces", "--output=name").stdout
        assert not left.split(), (
            f"the cluster has stores, whose operator is not taken away: delete {left.split()}, or "
            "name another cluster by BOOKSTORE_CLUSTER"
        )
        step.note("deleting the operator of today")
        today = ROOT / "manifests" / "overlays" / "local"
        cluster.kubectl("delete", "--kustomize", today, "--ignore-not-found", "--wait")
        install.operator(cluster, made, step, self.folder)

    def take_back(self, cluster: Cluster, made: Images, step: Step) -> None:
        """Put the operator of then in the place of today's, and leave the definitions."""
        install.operator(cluster, made, step, self.folder, OPERATOR)


def resolved(wanted: str) -> str:
    """Return the commit that a person names; by default the newest release, or the first state.

    Raises:
        NoRevision: Git does not have it.
    """
    return commit(wanted or newest_tag() or FIRST)


def main() -> int:
    """Print what is upgraded from, before anything that takes long."""
    try:
        revision = resolved(os.environ.get(REVISION, ""))
    except NoRevision as error:
        print(error, file=sys.stderr)
        return 1
    print(git("log", "-1", "--format=Upgrading from %h of %cs: %s", revision).decode().strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
