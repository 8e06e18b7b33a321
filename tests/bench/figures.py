"""Print figures so that they can be read beside each other."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A figure beside what it is compared with: a floor or a peer of the same run."""

    what: str
    figure: str
    beside: str = ""
    ratio: str = ""
    wanted: str = ""


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown, padded so that it can be read as it is."""
    heads = Row("what", "operator", "compared with", "ratio", "wanted")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (heads, *rows)
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


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
