"""``fleet bench``: the speed of the fleet beside naive Celery, in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import click

from integration.cli.test import isolated
from integration.local.processes import PROJECT
from integration.settings import variables
from integration.terminal.render import json_option


@click.command()
@click.option("--orders", default=500, show_default=True, type=click.IntRange(50, 100_000), help="How many orders.")
@click.option("--latency", default=0, show_default=True, help="Milliseconds added to each call at a target.")
@click.option(
    "--target", type=click.Choice(["cheap", "sandbox", "both"]), default="both", help="What plays Odoo and Clarity."
)
@click.option("--counts", "only", flag_value="counts", help="Only count the calls, statements, … of an order.")
@click.option("--flat", "only", flag_value="flat", help="Measure the cost of a million finished deliveries instead.")
@click.option("--idle", "only", flag_value="idle", help="Measure a fleet without work instead: CPU, memory, start.")
@click.option("--slow", "only", flag_value="slow", help="Measure latency, and targets that are slow, instead.")
@json_option
def bench(orders: int, latency: int, target: str, only: str | None, as_json: bool) -> None:
    """Measure a fleet of its own beside naive Celery, raw Celery and a bare insert.

    At full load, at half of that, and the receiver by itself; beside the sandbox also on a target that is cheap, so
    that the fleet is measured and not the sandbox.  Then it counts what one order asks for, exactly.  Ignores every
    setting of the environment: no real system is ever called.

    \b
    Examples:
      fleet bench
      fleet bench --orders 2000 --latency 50 --json
      fleet bench --counts        # calls, statements, transactions, fsyncs, Redis and messages per order
      fleet bench --slow          # seconds from webhook to order, at 6 orders/s and at targets that take their time
      fleet bench --flat          # deliveries/s beside a million finished and a hundred thousand waiting ones
    """
    command = [sys.executable, "-m", "tests.benchmarks", f"--orders={orders}", f"--latency={latency}"]
    command += [f"--target={target}", *([f"--only={only}"] if only else [])]
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-bench-") as home:
        environment = isolated(variables(), home)
        ended = subprocess.run(
            [*command, *(["--json"] if as_json else [])], cwd=PROJECT, env=environment, check=False
        ).returncode
    if ended:
        raise SystemExit(1)
