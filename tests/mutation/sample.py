"""Mutate one module in the current folder, run its tests on a sample, and show what survives.

It is run by its path, so that nothing of the repository is imported beside the mutants:

    python sample.py FILE MOST SEED
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from mutmut.__main__ import _run
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import get_mutant_name

PROCESSES = 2
LIVES = {"survived", "no tests"}


def main(file: str, most: int, seed: str) -> None:
    """Test at most that many mutants of a file, and write the others off."""
    path = Path(file)
    made = mutate_file_contents(file, path.read_text()).mutant_names
    names = sorted(get_mutant_name(path, name) for name in made)
    chosen = Random(f"{seed} {file}").sample(names, min(most, len(names)))
    if not chosen:
        return
    _run(sorted(chosen), PROCESSES)
    found = SourceFileMutationData(path=path)
    found.load()
    told = {name: status_by_exit_code[found.exit_code_by_key[name]] for name in chosen}
    for name in sorted(name for name, status in told.items() if status in LIVES):
        print(f"# {name} {told[name]}", get_diff_for_mutant(name, path=path), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
