"""Mutate the pure parts of the operator, and tell how many mutants their unit tests let live.

Each module of [tool.mutation.tests] in pyproject.toml is mutated by mutmut, in a folder of its own,
and a sample of its mutants is tried by the unit tests that are named there. What survives is in
var/mutation/MODULE.txt, each with its difference. A part of the modules is chosen by name:

    python -m tests.mutation api.cron engine.conditions
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORK = ROOT / "var" / "mutation"
SAMPLE = Path(__file__).with_name("sample.py")
COPIED = ("app", "bundle", "charts", "crds", "docs", "manifests", "plugin", "README.md")
"""What unit tests read or import, beside the operator and the tests."""

SUPPORT = ("conftest.py", "support", "component/operator", "cluster", "unit/operator")
SURVIVED = {0, 5, 33}
"""What mutmut notes of a mutant that all tests pass, or that no test meets."""

AIM = 0.10

CONFIG = """\
[tool.pytest.ini_options]
addopts = "--import-mode=importlib -p no:cacheprovider"
pythonpath = ["src", "app", "plugin", "."]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"

[tool.mutmut]
source_paths = ["src"]
only_mutate = [{file}]
also_copy = {copied}
pytest_add_cli_args_test_selection = {tests}
timeout_multiplier = 5.0
timeout_constant = 5.0
track_dependencies = false
use_git_change_detection = false
"""


@dataclass(frozen=True)
class Module:
    """A module of the operator, and the files of tests that hold it.

    Attributes:
        name: Its name within the package.
        tests: The files, within tests/unit/operator.
    """

    name: str
    tests: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"src/bookstore_operator/{self.name.replace('.', '/')}.py"

    def prepare(self) -> Path:
        """Make the folder in which it is mutated anew."""
        folder = WORK / self.name
        shutil.rmtree(folder, ignore_errors=True)
        package = "bookstore_operator"
        shutil.copytree(ROOT / "operator" / package, folder / "src" / package)
        for name in COPIED:
            (folder / name).symlink_to(ROOT / name)
        for name in SUPPORT:
            place = folder / "tests" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(ROOT / "tests" / name)
        tests = [f"tests/unit/operator/{name}" for name in self.tests]
        settings = {"file": self.file, "copied": list(COPIED), "tests": tests}
        written = {name: json.dumps(value) for name, value in settings.items()}
        (folder / "pyproject.toml").write_text(CONFIG.format(**written))
        return folder

    def run(self, most: int, seed: int) -> tuple[int, int, int]:
        """Return how many mutants there are, how many were tried, and how many survived."""
        folder = self.prepare()
        words = [sys.executable, str(SAMPLE), self.file, str(most), str(seed)]
        # What is named there would be imported in the place of the mutants.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            words, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        report = WORK / f"{self.name}.txt"
        report.write_text(done.stdout.partition("Mutant results")[2])
        if done.returncode:
            raise SystemExit(f"{self.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        meta = folder / "mutants" / f"{self.file}.meta"
        codes = json.loads(meta.read_text())["exit_code_by_key"].values() if meta.exists() else []
        tried = [code for code in codes if code is not None]
        survived = [code for code in tried if code in SURVIVED]
        shutil.rmtree(folder)
        return len(codes), len(tried), len(survived)


def main(names: list[str]) -> int:
    """Print a line for each module and the share of all; fail where more survive than the aim."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    settings = settings["tool"]["mutation"]
    modules = [Module(name, tuple(tests)) for name, tests in settings["tests"].items()]
    unknown = set(names) - {module.name for module in modules}
    if unknown:
        print(f"[tool.mutation.tests] has no {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    tried = survived = 0
    for module in modules:
        if names and module.name not in names:
            continue
        there, ran, lived = module.run(settings["sample"], settings["seed"])
        tried, survived = tried + ran, survived + lived
        print(f"{module.name}: {there} mutants, {ran} tried, {lived} survived", flush=True)
    share = survived / tried if tried else 0.0
    print(f"{survived} of {tried} mutants survived: {share:.1%}; the aim is under {AIM:.0%}")
    return int(share >= AIM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
