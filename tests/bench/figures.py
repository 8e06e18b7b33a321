"""Print figures so that they can be read beside each other."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def line(name: str, text: str) -> None:
    print(f"  {name:<44} {text}", flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of the values lie: the nearest rank."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def spread(values: Sequence[float]) -> str:
    """Return the median with the range, in seconds."""
    low, high = min(values), max(values)
    return f"{median(values):.2f} s median ({low:.2f} to {high:.2f}, n={len(values)})"
