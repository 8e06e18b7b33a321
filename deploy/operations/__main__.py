"""Write what people who run BookStore look up, or check that it is up to date.

Run at the root of the repository: ``python -m deploy.operations [--check]``.
"""

import argparse
import sys

from deploy.operations import alerts, bundle, chart, environment, metrics
from deploy.operations.sources import ROOT


def generated() -> dict[str, str]:
    """Return the generated files: path below the repository's root, and content."""
    return {
        "docs/runbooks/README.md": alerts.index(),
        "docs/reference/alerts.md": alerts.reference(),
        "docs/reference/metrics.md": metrics.reference(),
        "docs/reference/environment.md": environment.reference(),
        **chart.chart(),
        **bundle.bundle(),
    }


def main() -> int:
    """Write the files, or with ``--check`` name those that differ; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.operations", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    wanted = generated()
    outdated = [
        path
        for path, content in wanted.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != content
    ]
    if check and outdated:
        told = f"{', '.join(outdated)} and what they are made from differ"
        print(f"{told}; run `make generate` and commit the result", file=sys.stderr)
        return 1
    for path in outdated:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(wanted[path], encoding="utf-8")
        print(f"{path} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
