"""Write what docs say of the four steps together, or check that it is up to date.

Run at the root of the repository: ``python -m deploy.ladder [--check]``.
"""

import argparse
import sys

from deploy.ladder import picture, table
from deploy.ladder.sources import ROOT


def main() -> int:
    """Write the files, or with ``--check`` name those that differ; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.ladder", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    wanted = {table.PLACE: table.table(), picture.PLACE: picture.picture()}
    outdated = [
        path
        for path, content in wanted.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != content
    ]
    if check and outdated:
        told = f"{', '.join(outdated)} and the steps' templates differ"
        print(f"{told}; run `make generate` and commit the result", file=sys.stderr)
        return 1
    for path in outdated:
        (ROOT / path).write_text(wanted[path], encoding="utf-8")
        print(f"{path} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
