"""``fleet bench``: the fleet and, beside it in the same run, what its users would write first."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.table import Table

from integration.local.fleet import Fleet
from integration.store.database import Database
from tests.benchmarks import flat, rivals
from tests.benchmarks.load import Sandbox, order_of, send
from tests.benchmarks.measure import cpu_seconds, frozen, of_fleet, percentile, pss_mib
from tests.benchmarks.rivals import Result

RATES = {"ODOO_RATE": "100000", "CLARITY_RATE": "100000", "ODOO_CONCURRENCY": "64", "CLARITY_CONCURRENCY": "64"}
PATIENCE = 120.0
IDLE_POLLS = 10
WIDTH = 140
"""Characters of a line in a file or a pipe."""


@dataclass(frozen=True)
class Plan:
    """How many orders, and the milliseconds that each call at a target takes besides."""

    orders: int
    latency: int


def run(plan: Plan, console: Console) -> list[Result]:
    """The fleet, then its rivals, on the same sandbox, one after the other; last its receiver, the others frozen."""
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-bench-") as home:
        variables = {"PATH": os.environ["PATH"], "FLEET_HOME": home, "FLEET_SANDBOX_AGE_SECONDS": "0", **RATES}
        fleet = Fleet(variables)
        with console.status("starting a fleet"):
            fleet.start(sandbox=("clarity", "odoo"))
        try:
            sandbox = Sandbox(fleet.environment)
            sandbox.control("POST", "faults", {"target": "webhooks", "kind": "drop"})
            for target in ("odoo", "clarity") if plan.latency else ():
                sandbox.control("POST", "faults", {"target": target, "kind": "latency", "ms": plan.latency})
            full = _of_the_fleet(fleet, sandbox, plan, console)
            assert full.orders
            half = _of_the_fleet(fleet, sandbox, plan, console, rate=full.orders / 2)
            idle = _idle(fleet, sandbox, console)
            results = rivals.measure(fleet.environment, sandbox, plan.orders, console)
            return [full, half, _of_the_receiver(fleet, console), *results, idle]
        finally:
            with console.status("stopping it"):
                fleet.stop()


def _of_the_fleet(fleet: Fleet, sandbox: Sandbox, plan: Plan, console: Console, *, rate: float | None = None) -> Result:
    """As many orders as come in, or so many each second; a few before that are not measured."""
    database = Database(fleet.environment["DATABASE_URL"], connections=1)
    measured = "half" if rate else "full"
    idle = pss_mib(of_fleet(fleet.home, "flower", "sandbox"))
    for name, count in ((f"warm-{measured}", 50), (measured, plan.orders)):
        orders = sandbox.orders(count, f"fleet-{name}")
        before = cpu_seconds(of_fleet(fleet.home, "sandbox"))
        with console.status(f"the fleet: {count} orders ({name})"):
            began = time.monotonic()
            sent = send(*_receiver(fleet), orders, name, rate=rate)
            _wait(database, name, count)
        seconds = time.monotonic() - began
        cpu = cpu_seconds(of_fleet(fleet.home, "sandbox")) - before
    waits = _latencies(database, measured)
    states = _states(database, measured)
    database.close()
    return Result(
        "the fleet, at half of that" if rate else "the fleet",
        accepted=plan.orders / sent.seconds,
        orders=plan.orders / seconds,
        p50=percentile(waits, 0.5),
        p99=percentile(waits, 0.99),
        answer_p99=percentile(sent.answers, 0.99),
        cpu=cpu / plan.orders,
        pss=idle,
        lost=plan.orders - states + sent.refused,
        doubled=rivals.doubled(sandbox, f"fleet-{measured}"),
    )


def _of_the_receiver(fleet: Fleet, console: Console) -> Result:
    """The receiver while nobody works on what it accepts."""
    with console.status("its receiver alone"), frozen(of_fleet(fleet.home, "receiver", "postgres", "valkey")):
        sent = send(*_receiver(fleet), [order_of(f"alone-{number}") for number in range(rivals.INSERTS)], "alone")
    return Result(
        "its receiver alone",
        accepted=rivals.INSERTS / sent.seconds,
        answer_p99=percentile(sent.answers, 0.99),
        lost=sent.refused,
    )


def _idle(fleet: Fleet, sandbox: Sandbox, console: Console) -> Result:
    """Ships and bills every order, waits until all of that has come back, then reads it again and again."""
    database = Database(fleet.environment["DATABASE_URL"], connections=1)
    with console.status("the fleet, idle"):
        sandbox.control("POST", "odoo/advance", {"steps": 3})
        accepted = -1
        while accepted != (accepted := _polled(database)):
            pass
        began = time.monotonic()
        before = accepted
        for _ in range(IDLE_POLLS):
            accepted = _polled(database)
        minutes = (time.monotonic() - began) / 60
    database.close()
    return Result("the fleet, idle", idle=(accepted - before) / minutes)


def _polled(database: Database) -> int:
    """How many messages there are once every stream has been read to its end again, and nothing is under way."""
    with database.statement() as tx:
        asked = tx.value("select clock_timestamp()")
        tx.run("update cursors set due_at = now()")
    read = "select not exists (select from cursors where (started_at >= %s and polled_at >= started_at) is not true)"
    still = "select not exists (select from deliveries where open)"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with database.statement() as tx:
            if tx.value(read, asked) and tx.value(still):
                break
        time.sleep(0.1)
    with database.statement() as tx:
        return int(tx.value("select count(*) from messages"))


def _receiver(fleet: Fleet) -> tuple[str, str]:
    """Its URL and its secret."""
    url = f"http://{fleet.environment['FLEET_RECEIVER_BIND']}/webhooks/clarity"
    return url, fleet.environment["CLARITY_WEBHOOK_SECRETS"].split(",")[0]


def _wait(database: Database, run: str, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while _states(database, run) < count and time.monotonic() < deadline:
        time.sleep(0.1)


def _states(database: Database, run: str) -> int:
    """How many orders of this run have been posted and pushed."""
    with database.statement() as tx:
        return int(
            tx.value(
                """select count(*) from deliveries d join messages m on m.id = d.message
                   where d.step = 'push_status' and d.state in ('done', 'skipped') and m.external_id like %s""",
                f"evt_{run}_%",
            )
        )


def _latencies(database: Database, run: str) -> list[float]:
    """Seconds from the commit of the webhook to the posted order."""
    with database.statement() as tx:
        rows = tx.rows(
            """select extract(epoch from d.finished_at - m.received_at)::float as seconds
               from deliveries d join messages m on m.id = d.message
               where d.entity = 'order' and d.state = 'done' and m.external_id like %s""",
            f"evt_{run}_%",
        )
    return [row["seconds"] for row in rows]


def table(results: list[Result]) -> Table:
    """The results side by side; the last column is the ratio to the first of its kind."""
    drawn = Table(box=None, header_style="bold")
    for name in (
        "",
        "accepted/s",
        "orders/s",
        "p50 s",
        "p99 s",
        "answer p99 ms",
        "CPU ms/order",
        "PSS MiB",
        "lost",
        "doubled",
        "messages/min",
    ):
        drawn.add_column(name, justify="left" if not name else "right")
    for each in results:
        drawn.add_row(
            each.name,
            _shown(each.accepted, ".0f"),
            _shown(each.orders, ".1f"),
            _shown(each.p50, ".2f"),
            _shown(each.p99, ".2f"),
            _shown(each.answer_p99 and each.answer_p99 * 1000, ".0f"),
            _shown(each.cpu and each.cpu * 1000, ".1f"),
            _shown(each.pss, ".0f"),
            _shown(each.lost, "d"),
            _shown(each.doubled, "d"),
            _shown(each.idle, ".0f"),
        )
    return drawn


def ratios(results: list[Result]) -> dict[str, float]:
    """End to end against the naive way, and the receiver against a bare insert."""
    ours, _, receiver, naive, _, insert, _ = results
    assert ours.orders and naive.orders and receiver.accepted and insert.accepted
    return {
        "orders/s to naive Celery": round(ours.orders / naive.orders, 2),
        "accepted/s to Flask with one insert": round(receiver.accepted / insert.accepted, 2),
    }


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


@click.command()
@click.option("--orders", default=500, show_default=True, help="So many orders.")
@click.option("--latency", default=0, show_default=True, help="Milliseconds that each call at a target takes besides.")
@click.option("--flat", "is_flat", is_flag=True, help="Measure instead what a million finished deliveries cost.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(orders: int, latency: int, is_flat: bool, as_json: bool) -> None:
    """Measure the fleet beside naive Celery, raw Celery and a bare insert."""
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else WIDTH)
    found = flat.run(console) if is_flat else run(Plan(orders, latency), console)
    compared = {} if is_flat else ratios(found)
    if as_json:
        click.echo(json.dumps({"results": [asdict(each) for each in found], "ratios": compared}, indent=2))
        return
    console.print(flat.table(found) if is_flat else table(found))
    for name, ratio in compared.items():
        console.print(f"{name}: {ratio}")


if __name__ == "__main__":
    main()
