"""``fleet bench --flat``: whether a delivery costs the same when a million are finished, or a hundred thousand wait."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from integration.local.servers import Postgres
from integration.message import State, Step
from integration.settings import System
from integration.store import deliveries, dispatch, ends, installations
from integration.store.database import Database
from integration.store.deliveries import Next
from integration.store.migrate import migrate

ROUNDS = 5
DELIVERIES = 400
WINDOW = 24
FINISHED = 1_000_000
WAITING = 100_000

FILL = """
with made as (
    insert into messages (source, external_id, type, object_id, version, body, body_hash)
    select %(source)s::smallint, %(name)s || n, 'order.created', %(name)s || n, 1, '', ''
    from generate_series(1, %(count)s) as n returning id
)
insert into deliveries (message, workflow, pin, target, queue, entity, lane, version, step, state, due_at, created_at)
select id, 'order-to-odoo', 'pin', %(target)s::smallint, 'odoo', 'order', {lane}, 1, 'enrich', {state}, {due},
    now() - interval '2 seconds'
from made
"""


@dataclass(frozen=True)
class Load:
    """The rows in the tables beside what is measured; lanes, states and times are SQL over a message's ``id``."""

    name: str
    count: int
    lane: str = "'odoo-1/order__' || id"
    state: str = "'ready'"
    due: str = "now()"


LOADS = (
    Load("empty", 0),
    Load(f"{FINISHED:,} finished", FINISHED, state="'done'"),
    Load(f"{WAITING:,} due, with no room for them", WAITING, due="now() - interval '1 second'"),
    Load(f"{WAITING:,} due later", WAITING, state="'waiting'", due="now() + interval '1 day'"),
    Load(f"{WAITING:,} behind others", WAITING, "'odoo-1/order__' || id / 100", "'waiting'", "'infinity'"),
)


@dataclass(frozen=True)
class Result:
    """Deliveries per second that one connection dispatches, claims and ends; the ratio is to empty tables."""

    load: str
    deliveries: float
    ratio: float


def run(console: Console) -> list[Result]:
    """Each load on tables of its own, so that nothing but the load differs."""
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-flat-") as home:
        Path(home).chmod(0o711)  # Postgres runs as another user
        server = Postgres(Path(home))
        server.start()
        try:
            rates = {}
            for load in LOADS:
                with console.status(load.name):
                    rates[load.name] = _rate(server.url, load)
        finally:
            server.stop()
    return [Result(name, rate, rate / rates["empty"]) for name, rate in rates.items()]


def _rate(url: str, load: Load) -> float:
    """The best of some rounds: what else the machine does can only slow one down."""
    database = Database(f"{url.rpartition('/')[0]}/{_create(url, load)}", connections=1)
    migrate(database.url)
    system = System("odoo", "http://127.0.0.1:1", rate=10.0, concurrency=4, timeout=5.0, options={})
    with database.transaction() as tx:
        target = installations.register(tx, [system])["odoo"].id
        tx.run("insert into definitions (hash, kind, name, body) values ('pin', 'workflow', 'order-to-odoo', '{}')")
    _fill(database, target, "load", load)
    with database.statement() as tx:
        tx.run("vacuum analyze")
    rates = []
    for number in range(ROUNDS):
        _fill(database, target, f"round-{number}-", Load("fresh", DELIVERIES, due="now() - interval '1 hour'"))
        began = time.monotonic()
        _carry(database, target)
        rates.append(DELIVERIES / (time.monotonic() - began))
    database.close()
    return max(rates)


def _create(url: str, load: Load) -> str:
    name = f"flat_{LOADS.index(load)}"
    admin = Database(url, connections=1)
    with admin.statement() as tx:
        tx.run(f"create database {name}")
    admin.close()
    return name


def _fill(database: Database, target: int, name: str, load: Load) -> None:
    sql = FILL.format(lane=load.lane, state=load.state, due=load.due)
    with database.statement() as tx:
        tx.run("set statement_timeout = 0")
        tx.run(sql, {"source": target, "target": target, "name": name, "count": load.count})


def _carry(database: Database, target: int) -> None:
    """What dispatcher and workers do with as many deliveries, one after the other."""
    left = DELIVERIES
    while left > 0:
        with database.statement(durable=False) as tx:
            due = dispatch.take_due(tx, "odoo", WINDOW, [target])
        for row in due:
            with database.statement(durable=False) as tx:
                (claimed,) = deliveries.claim(tx, [row["id"]], [Step.ENRICH], [target])
            with database.transaction(durable=False) as tx:
                ends.move(tx, [(claimed, Next(State.DONE))])
                ends.leave_lane(tx, [(claimed, True)])
        left -= len(due)


def table(results: list[Result]) -> Table:
    """The results, one row for each load."""
    drawn = Table("beside", "deliveries/s", "of empty", box=None, header_style="bold")
    for each in results:
        drawn.add_row(each.load, f"{each.deliveries:.0f}", f"{each.ratio:.2f}")
    return drawn
