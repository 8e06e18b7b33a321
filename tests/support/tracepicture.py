"""A trace as a picture: a row for each span, as wide as it took, in its service's color."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.support.collector import Span

COLORS = {"auth": "#8a4fff", "catalogue": "#0b7a75", "orders": "#c2410c"}
LABELS, BARS, ROW, MARGIN, INDENT = 330, 560, 22, 16, 12
HEAD = 64
TICKS = 4
NANOSECONDS_IN_MS = 1_000_000


def drawn(spans: Sequence[Span], title: str) -> str:
    """Return the SVG of a trace, whose spans are sorted by their start."""
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    by_id = {span.id: span for span in spans}
    width, height = LABELS + BARS + 2 * MARGIN + 70, HEAD + ROW * len(spans) + 2 * MARGIN
    scale = BARS / max(last - first, 1)
    font = 'font-family="system-ui, sans-serif" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *_legend(),
            *_ruler((last - first) / NANOSECONDS_IN_MS, height),
            *(
                line
                for row, span in enumerate(_in_order(spans, by_id))
                for line in _row(span, row, _depth(span, by_id), first, scale)
            ),
            "</svg>\n",
        ]
    )


def _in_order(spans: Sequence[Span], by_id: dict[str, Span]) -> list[Span]:
    """Return each span behind the one above it."""

    def way(span: Span) -> list[tuple[int, str]]:
        above = by_id.get(span.parent_id)
        return [*(way(above) if above else []), (span.start, span.id)]

    return sorted(spans, key=way)


def _depth(span: Span, by_id: dict[str, Span]) -> int:
    above = by_id.get(span.parent_id)
    return 0 if above is None else 1 + _depth(above, by_id)


def _legend() -> list[str]:
    lines = []
    for place, (name, color) in enumerate(COLORS.items()):
        x = MARGIN + place * 110
        lines.append(f'<rect x="{x}" y="{MARGIN}" width="12" height="12" fill="{color}"/>')
        lines.append(f'<text x="{x + 18}" y="{MARGIN + 11}" fill="#222">{name}</text>')
    return lines


def _ruler(milliseconds: float, height: int) -> list[str]:
    lines = []
    for tick in range(TICKS + 1):
        x = MARGIN + LABELS + BARS * tick / TICKS
        lines.append(
            f'<path d="M{x:.0f} {HEAD - 8}V{height - MARGIN}" stroke="#ddd"/>'
            f'<text x="{x:.0f}" y="{HEAD - 14}" fill="#555" text-anchor="middle">'
            f"{milliseconds * tick / TICKS:,.0f} ms</text>"
        )
    return lines


def _row(span: Span, row: int, depth: int, first: int, scale: float) -> list[str]:
    y = HEAD + row * ROW
    x = MARGIN + LABELS + (span.start - first) * scale
    wide = max((span.end - span.start) * scale, 1.5)
    took = (span.end - span.start) / NANOSECONDS_IN_MS
    shape = f'x="{x:.1f}" y="{y + 4}" width="{wide:.1f}" height="{ROW - 8}"'
    return [
        f'<text x="{MARGIN + depth * INDENT}" y="{y + 15}" fill="#222">{escape(span.name)}</text>',
        f'<rect {shape} rx="2" fill="{COLORS[span.service]}"/>',
        f'<text x="{x + wide + 5:.1f}" y="{y + 15}" fill="#555">{took:,.1f} ms</text>',
    ]
