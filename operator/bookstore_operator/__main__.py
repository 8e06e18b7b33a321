"""Run the operator: ``bookstore-operator``, without arguments."""

import asyncio
import gc
import sys

import kopf

from bookstore_operator import handlers as _handlers  # noqa: F401 - registers itself with kopf
from bookstore_operator import logs, metrics
from bookstore_operator.config import Config, ConfigurationError


def main() -> int:
    """Run until a signal comes, and return the exit code."""
    if len(sys.argv) > 1:
        print("bookstore-operator takes no arguments; it is set up by LOG_LEVEL and "
              "WATCH_NAMESPACES", file=sys.stderr)  # fmt: skip
        return 2
    try:
        config = Config.of()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure(config.level)
    metrics.serve(config.metrics_port)
    asyncio.run(run(config))
    return 0


async def run(config: Config) -> None:
    """Run the operator's loop until it is told to stop."""
    # What was imported lives for good; the collector need not look through it again and again.
    gc.freeze()
    await kopf.operator(
        registry=kopf.get_default_registry(),
        memo=kopf.Memo(config=config),
        clusterwide=not config.namespaces,
        namespaces=config.namespaces,
        standalone=True,
        liveness_endpoint=f"http://0.0.0.0:{config.health_port}/healthz",
    )


if __name__ == "__main__":
    sys.exit(main())
