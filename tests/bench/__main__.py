"""Print what the operator costs beside a floor and a peer: `make bench`.

Each part measures both in the same run on the same machine, so that the ratio means something on
any machine; the seconds alone do not. Nothing here passes or fails by the clock.
"""

from __future__ import annotations

from tests.bench import hundred, repair, second
from tests.cluster.support.kube import CACHE, Kube


def main() -> None:
    kube = Kube()
    lines = (CACHE / "images.env").read_text().splitlines()
    images = dict(line.split("=", 1) for line in lines if "=" in line)
    second.run(kube, images)
    repair.run(kube, images)
    hundred.run(kube, images)


if __name__ == "__main__":
    main()
