"""Build what is installed on the app host: the shop's wheel and all that it needs, as wheels.

`python release.py --python 3.11 --machine x86_64` prints JSON: the release's name, which stands
for its content, its archive, and whether that was made just now. The host itself asks no package
index for anything.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ROOT / "var" / "releases"
KEPT = 5
# The C libraries of Debian 12, Debian 13 and Ubuntu 24.04 are younger than all of these.
GLIBC = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def pip(*arguments: str | Path, python: str = sys.executable) -> None:
    """Run pip; what it says goes to standard error, for standard output is JSON."""
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def build_shop(folder: Path) -> None:
    """Build the shop's wheel by the tools that requirements-build.lock pins."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
        python = str(Path(scratch) / "bin" / "python")
        tools = ROOT / "requirements-build.lock"
        pip("install", "--require-hashes", "--no-deps", "-r", tools, python=python)
        pip(
            "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT / "app",
            python=python,
        )  # fmt: skip


def fetch_requirements(folder: Path, python: str, machine: str) -> None:
    """Fetch the wheels of app/requirements.lock for another Python, and the lock beside them."""
    lock = ROOT / "app" / "requirements.lock"
    platforms = [f"--platform={libc}_{machine}" for libc in GLIBC]
    pip(
        "download", "--require-hashes", "--no-deps", "--only-binary", ":all:",
        "--python-version", python, *platforms, "--dest", folder, "-r", lock,
    )  # fmt: skip
    shutil.copy2(lock, folder / "requirements.lock")


def digest(*paths: Path) -> str:
    """Give twelve digits that stand for the files under some paths."""
    total = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and ".egg-info" not in str(file):
                total.update(str(file.relative_to(ROOT)).encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:12]


def build(archive: Path, python: str, machine: str) -> None:
    """Make a release's archive, which appears only when it is whole."""
    partial = archive.with_name(f".{archive.name}.partial")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build_shop(folder)
        fetch_requirements(folder, python, machine)
        with tarfile.open(partial, "w") as tar:
            for file in sorted(folder.iterdir()):
                tar.add(file, file.name)
    partial.rename(archive)


def main() -> None:
    """Give the release of this checkout, built where it is not there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", required=True, help="The host's Python, such as 3.11.")
    parser.add_argument("--machine", required=True, help="The host's processor, such as x86_64.")
    chosen = parser.parse_args()
    inputs = digest(ROOT / "app", ROOT / "requirements-build.lock")
    name = f"{inputs}-py{chosen.python}-{chosen.machine}"
    archive = RELEASES / f"{name}.tar"
    made = not archive.exists()
    if made:
        RELEASES.mkdir(parents=True, exist_ok=True)
        build(archive, chosen.python, chosen.machine)
        by_age = sorted(RELEASES.glob("*.tar"), key=lambda path: path.stat().st_mtime)
        for old in by_age[:-KEPT]:
            old.unlink()
    print(json.dumps({"name": name, "archive": str(archive), "made": made}))


if __name__ == "__main__":
    main()
