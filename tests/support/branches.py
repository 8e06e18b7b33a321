"""Print a coverage report's branches, and fail where fewer than a percentage were taken."""

from __future__ import annotations

import json
import sys


def main(least: float) -> int:
    totals = json.load(sys.stdin)["totals"]
    taken, known = totals["covered_branches"], totals["num_branches"]
    percent = 100 * taken / known
    print(f"{taken} of {known} branches are taken: {percent:.2f} % (at least {least:g} %)")
    return int(percent < least)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
