"""``fleet bench``: the fleet and, beside it in the same run, what its users would write first."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click
from rich.console import Console

from tests.benchmarks import counts, flat, report, rivals
from tests.benchmarks.counts import Counts
from tests.benchmarks.fleets import RATES, Measured
from tests.benchmarks.report import Result
from tests.benchmarks.targets import Sandbox

TARGETS = ("cheap", "sandbox")
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
        with Measured.on(target, console, **RATES) as measured:
            if plan.latency:
                measured.target.late(odoo=plan.latency, clarity=plan.latency)
            full = measured.carried("the fleet", "full", plan.orders)
            assert full.orders
            results += [full, measured.carried("the fleet, half", "half", plan.orders, rate=full.orders / 2)]
            if isinstance(measured.target, Sandbox):
                results.append(measured.idle(measured.target))
            results.append(rivals.naive(measured.fleet.environment, measured.target, plan.orders, console))
            if target == plan.targets[0]:
                results += rivals.floors(measured.fleet.environment, console)
                results.append(measured.receiver())
    return results


def show(console: Console, results: list[Result], counted: Mapping[str, Counts]) -> None:
    """Prints the tables."""
    for table in [*([report.table(results), report.processes(results)] if results else ()), report.counts(counted)]:
        console.print(table)
        console.print()
    for name, ratio in report.ratios(results).items():
        console.print(f"{name}: {ratio}")


@click.command()
@click.option("--orders", default=500, show_default=True, help="So many orders.")
@click.option("--target", type=click.Choice([*TARGETS, "both"]), default="both", help="What plays Odoo and Clarity.")
@click.option("--latency", default=0, show_default=True, help="Milliseconds that each call at a target takes besides.")
@click.option("--flat", "is_flat", is_flag=True, help="Measure instead what a million finished deliveries cost.")
@click.option("--counts", "only_counts", is_flag=True, help="Only count what an order asks for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(orders: int, target: str, latency: int, is_flat: bool, only_counts: bool, as_json: bool) -> None:
    """Measure the fleet beside naive Celery, raw Celery and a bare insert."""
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else WIDTH)
    if is_flat:
        found = flat.run(console)
        document: dict[str, object] = {"results": [asdict(each) for each in found], "ratios": {}}
        if not as_json:
            console.print(flat.table(found))
    else:
        plan = Plan(orders, TARGETS if target == "both" else (target,), latency)
        results = [] if only_counts else run(plan, console)
        with console.status("counting what an order asks for"):
            counted = counts.run()
        document = {"results": [asdict(each) for each in results], "ratios": report.ratios(results)}
        document["counts"] = {name: asdict(each) for name, each in counted.items()}
        if not as_json:
            show(console, results, counted)
    if as_json:
        click.echo(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
