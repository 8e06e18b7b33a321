"""Run the operator: ``bookstore-operator``, without arguments."""

import asyncio
import gc
import sys

import kopf

from bookstore_operator import handlers, health, logs, metrics
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
    return asyncio.run(run(config))


async def run(config: Config) -> int:
    """Run the operator's loop until it is told to stop, and return the exit code."""
    # What was imported lives for good; the collector need not look through it again and again.
    gc.freeze()
    stop = asyncio.Event()
    memo = kopf.Memo(config=config, stop=stop, lost=False)
    checks = {"/healthz": lambda: handlers.alive(memo), "/readyz": lambda: handlers.ready(memo)}
    async with health.served(config.health_port, checks):
        await kopf.operator(
            registry=kopf.get_default_registry(),
            memo=memo,
            clusterwide=not config.namespaces,
            namespaces=config.namespaces,
            standalone=True,
            stop_flag=stop,
        )
    return 1 if memo.lost else 0


if __name__ == "__main__":
    sys.exit(main())
