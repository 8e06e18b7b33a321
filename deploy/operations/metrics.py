"""The reference of metrics, from what operator and shop register with Prometheus' client."""

from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import Metric

from bookstore.core.observability import metrics as of_the_shop
from bookstore_operator import metrics as of_the_operator
from deploy.operations.sources import NOTE, table

PREFIX = "bookstore_"
MODULES = {"operator": of_the_operator, "shop": of_the_shop}
HEAD = """# Metrics

{note}

The operator serves them on port 9090 and every pod of a shop on port 9100, at `/metrics`. A
histogram has `_bucket`, `_sum` and `_count` behind its name. To look at them, see
[observe](../how-to/observe.md).
"""


def reference() -> str:
    """Return docs/reference/metrics.md."""
    parts = [HEAD.format(note=NOTE.format("operator/bookstore_operator/metrics.py or the shop's"))]
    for about in MODULES:
        rows = [
            (f"`{exposed(one)}`", one.type, _labels(one), one.documentation)
            for one in sorted(described(about), key=lambda one: one.name)
        ]
        parts.append(f"## Of the {about}\n\n{table(('Metric', 'Type', 'Labels', 'Help'), rows)}")
    return "\n".join(parts)


def described(about: str) -> Iterator[Metric]:
    """Yield our own metrics of operator or shop."""
    for collector in list(REGISTRY._collector_to_names):  # noqa: SLF001 - there is no other list
        for metric in collector.describe() if hasattr(collector, "describe") else ():
            if metric.name.startswith(PREFIX) and _module(collector) == about:
                yield metric


def exposed(metric: Metric) -> str:
    """Return the name under which Prometheus gets a metric."""
    return metric.name + ("_total" if metric.type == "counter" else "")


def _module(collector: object) -> str:
    """Return who registered a collector: the module that holds it, or its class."""
    for about, module in MODULES.items():
        if collector in vars(module).values() or type(collector).__module__ == module.__name__:
            return about
    return ""


def _labels(metric: Metric) -> str:
    for module in MODULES.values():
        for value in vars(module).values():
            if getattr(value, "_name", None) == metric.name:
                return ", ".join(f"`{label}`" for label in value._labelnames)  # noqa: SLF001
    labels: tuple[str, ...] = getattr(metric, "_labelnames", ())
    return ", ".join(f"`{label}`" for label in labels)
