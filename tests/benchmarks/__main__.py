"""``fleet bench``: the fleet and, beside it in the same run, what its users would write first."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from integration.terminal.listing import show_rows
from tests.benchmarks import counts, flat, idle, report, rivals, slow
from tests.benchmarks.fleets import RATES, Measured
from tests.benchmarks.report import Result
from tests.benchmarks.targets import Sandbox

TARGETS = ("cheap", "sandbox")
PARTS = ("counts", "flat", "idle", "slow")
WIDTH = 160
"""Characters of a line in a file or a pipe."""


@dataclass(frozen=True)
class Plan:
    """How many orders, on which targets, and the milliseconds that each call there takes besides."""

    orders: int
    targets: tuple[str, ...]
    latency: int


def run(plan: Plan, console: Console) -> list[Result]:
    """On each target the fleet, then its rival; once its receiver, the others frozen, and what its parts could do."""
    results: list[Result] = []
    for target in plan.targets:
        with Measured.on(target, console, **RATES) as ours:
            if plan.latency:
                ours.target.late(odoo=plan.latency, clarity=plan.latency)
            full = ours.carried("the fleet", "full", plan.orders)
            assert full.orders
            results += [full, ours.carried("the fleet, half", "half", plan.orders, rate=full.orders / 2)]
            if isinstance(ours.target, Sandbox):
                results.append(ours.idle(ours.target))
            results.append(rivals.naive(ours.fleet.environment, ours.target, plan.orders, console))
            if target == plan.targets[0]:
                results += rivals.floors(ours.fleet.environment, console)
                results.append(ours.receiver())
    return results


def measured(only: str | None, plan: Plan, console: Console) -> tuple[list[Table], dict[str, Any]]:
    """All that a run without ``only`` measures, or that part: as tables, and as a document."""
    if only == "flat":
        loads = flat.run(console)
        return [flat.table(loads)], {"results": [asdict(each) for each in loads], "ratios": {}}
    if only == "idle":
        found = idle.run(console)
        return [idle.table(found)], asdict(found)
    results = slow.run(console) if only == "slow" else run(plan, console) if only is None else []
    tables = [report.table(results), report.processes(results)] if results else []
    document: dict[str, Any] = {"results": [asdict(each) for each in results], "ratios": report.ratios(results)}
    if only != "slow":
        with console.status("counting what an order asks for"):
            counted = counts.run()
        tables.append(report.counts(counted))
        document["counts"] = {name: asdict(each) for name, each in counted.items()}
    return tables, document


@click.command()
@click.option("--orders", default=500, help="So many orders.")
@click.option("--target", type=click.Choice([*TARGETS, "both"]), default="both", help="What plays Odoo and Clarity.")
@click.option("--latency", default=0, help="Milliseconds that each call at a target takes besides.")
@click.option("--only", type=click.Choice(PARTS), help="Only this part.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(orders: int, target: str, latency: int, only: str | None, as_json: bool) -> None:
    """Measure the fleet beside naive Celery, raw Celery and a bare insert."""
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else WIDTH)
    plan = Plan(orders, TARGETS if target == "both" else (target,), latency)
    tables, document = measured(only, plan, console)
    if as_json:
        show_rows(document.pop("results", []), **document)
        return
    for table in tables:
        console.print(table)
        console.print()
    for name, ratio in document.get("ratios", {}).items():
        console.print(f"{name}: {ratio}")


if __name__ == "__main__":
    main()
