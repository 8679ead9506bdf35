"""``fleet bench --slow``: what people wait for, at few orders a second and at targets that take their time."""

from __future__ import annotations

from rich.console import Console

from tests.benchmarks.fleets import RATES, Measured
from tests.benchmarks.report import Result

STEADY, SECONDS = 6.0, 20
"""Orders a second, and for how long."""
BURST, SLOW = 40, {"odoo": 150, "clarity": 150}
COMPANIES, SLOWER = 24, {"fusion": 1000}
"""So many orders at once, and how many milliseconds a call takes there."""
WARM = 20


def run(console: Console) -> list[Result]:
    """Few orders a second without any limit; then bursts of new customers under the usual ones."""
    return [_steady(console), _at_odoo(console), _at_fusion(console)]


def _steady(console: Console) -> Result:
    with Measured.on("cheap", console, **RATES) as measured:
        return measured.carried(f"{STEADY:.0f} orders/s", "steady", int(STEADY * SECONDS), rate=STEADY)


def _at_odoo(console: Console) -> Result:
    with Measured.on("cheap", console) as measured:
        measured.carried("warming up", "first", WARM, warm=0)
        measured.target.late(**SLOW)
        return measured.carried("Odoo at 150 ms a call, 10 calls/s", "odoo", BURST, warm=0)


def _at_fusion(console: Console) -> Result:
    with Measured.on("cheap", console, fusion=True) as measured:
        measured.carried("warming up", "first", WARM, warm=0, companies=True)
        measured.target.late(**SLOWER)
        return measured.carried("Fusion at 1 s a call", "fusion", COMPANIES, warm=0, companies=True)
