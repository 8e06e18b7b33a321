"""The Go programs of the local cluster that are the project's own."""

import subprocess

from cluster import programs


def test_the_stand_in_for_the_efs_driver_passes_its_own_tests() -> None:
    told = subprocess.run(
        ["go", "test", "./efs-csi"],
        cwd=programs.MODULE,
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode == 0, told.stdout + told.stderr
