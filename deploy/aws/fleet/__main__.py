"""Entry point of `python -m deploy.aws.fleet`."""

import sys

from deploy.aws.fleet.cli import main

sys.exit(main(sys.argv[1:]))
