"""Install wrk where that can be done: `python -m tests.bench.wrk`."""

from __future__ import annotations

import os
import shutil
import subprocess


def main() -> None:
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "wrk"]):
            wanted = ["apt-get", "-qq", *command]
            subprocess.run(wanted, check=False, env=quiet, stdout=subprocess.DEVNULL)
    if not shutil.which("wrk"):
        print("==> wrk is not installed: a load generator of ours, which takes from the server")


if __name__ == "__main__":
    main()
