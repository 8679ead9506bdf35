"""Charts as SVG that the server draws: each bar is a link, and a table beside the chart says the same in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

HEIGHT, BAR, GAP = 96, 22, 8


@dataclass(frozen=True)
class Bar:
    """One bar: what it is about, how much, and where it leads."""

    label: str
    value: int
    link: str


def bars(of: Sequence[Bar], title: str) -> Markup:
    """A bar chart; without a value it is flat, not empty."""
    most = max((bar.value for bar in of), default=0) or 1
    drawn = Markup("").join(_bar(number, bar, most) for number, bar in enumerate(of))
    width = len(of) * (BAR + GAP)
    opening = Markup('<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">')
    return opening.format(title, width, HEIGHT + 4, width, HEIGHT + 4) + drawn + Markup("</svg>")


def _bar(number: int, bar: Bar, most: int) -> Markup:
    high = max(2, round(bar.value / most * HEIGHT))
    opening = Markup('<a href="{}"><title>{}: {}</title>').format(bar.link, bar.label, f"{bar.value:,}")
    where = number * (BAR + GAP), HEIGHT - high, BAR, high
    return opening + Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="3"></rect></a>').format(*where)
