"""What operators ask costs the same when a hundred thousand orders are finished: no table is read as a whole.

Counted in rows by Postgres itself, so it is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from integration.message import State
from integration.operations import objects
from integration.operations.selection import WAITING, Selection
from integration.operations.story import story
from integration.operations.totals import totals
from integration.store import repair, views
from integration.store.database import Database, Transaction
from tests.conftest import Postgres, Running, new_database
from tests.operations.orders import Orders

FINISHED = 100_000
FEW = 15_000
"""Rows that may be looked at for a page of fifty; a walk over a time begins up to 10,000 ids before it."""
A_DAY_AGO = datetime.now(UTC) - timedelta(days=1)

FILL = """
with made as (
    insert into messages (source, external_id, type, object_id, version, number, body, body_hash, received_at)
    select %(shop)s::smallint, 'old-' || n, 'order.created', 'old-' || n, 1, 'OLD-' || n, '', '',
        now() - case when n < %(count)s / 2 then interval '4 days' else interval '2 days' end
    from generate_series(1, %(count)s) as n returning id, object_id
)
insert into deliveries (message, workflow, pin, target, queue, entity, lane, version, step, state, finished_at)
select id, 'order-to-odoo', 'pin', %(odoo)s::smallint, 'odoo', 'order', 'odoo-1/' || object_id, 1, 'enrich', 'done',
    now() - interval '2 days'
from made"""

SHIPPED = """
insert into progress (installation, entity, object_id, order_id, body)
select %(odoo)s::smallint, 'shipment', 'odoo-1/' || n, 'old-' || n,
    jsonb_build_object('lines', '{}'::jsonb, 'tracking', jsonb_build_array('1Z' || n))
from generate_series(1, %(count)s) as n"""

READ = """
with read as (
    select oid, true as whole from pg_class where relname in ('messages', 'deliveries', 'progress') and relkind = 'r'
    union all
    select indexrelid, false from pg_index
    where indrelid in ('messages'::regclass, 'deliveries'::regclass, 'progress'::regclass)
)
select sum(pg_stat_get_xact_numscans(oid)) filter (where whole) as scans,
    sum(pg_stat_get_xact_tuples_fetched(oid)) as rows
from read"""


@pytest.fixture(scope="module")
def orders(postgres: Postgres | Running, template: str) -> Iterator[Orders]:
    """Some that wait for a person, some under way and customers, below what is finished and above it."""
    database = Database(new_database(postgres.url, template))
    orders = Orders(database)
    orders.customer("c-0")
    orders.order("before")
    orders.run("update messages set received_at = now() - interval '5 days'")
    with database.transaction() as tx:
        for fill in (FILL, SHIPPED):
            tx.run(fill, {"shop": orders.shop.id, "odoo": orders.odoo.id, "count": FINISHED})
    for number in range(40):
        orders.end(orders.order(f"held-{number}"), State.HELD, code="unknown_sku", reason="unknown SKU X")
    orders.post(orders.order("open"), "S00012", "12")
    with database.statement() as tx:
        tx.run("vacuum analyze")
    yield orders
    database.close()


Ask = Callable[[Transaction, Orders], object]


def ls(of: str = "order", **chosen: object) -> Ask:
    return lambda tx, orders: objects.listed(tx, orders.vault, of, Selection(**chosen), 50)  # type: ignore[arg-type]


QUESTIONS: dict[str, tuple[int, Ask]] = {
    "orders": (50, ls()),
    "orders held": (40, ls(states=[State.HELD])),
    "orders waiting for a person": (40, ls(states=WAITING)),
    "orders not done": (42, ls(states=[State.READY, State.QUEUED, State.RUNNING, State.WAITING, State.HELD])),
    "orders under way": (2, ls(states=[State.READY, State.WAITING])),
    "orders of a code": (40, ls(code="unknown_sku")),
    "orders of a number": (1, ls(number="OLD-7")),
    "orders since": (41, ls(since=A_DAY_AGO)),
    "orders until": (50, ls(until=A_DAY_AGO - timedelta(days=2))),
    "orders before all": (1, ls(until=A_DAY_AGO - timedelta(days=3, hours=12))),
    "customers": (1, ls("customer")),
    "held": (40, lambda tx, _: objects.Page(repair.matching(tx, Selection([State.HELD]), 50))),
    "held messages": (40, lambda tx, _: objects.Page(views.messages(tx, Selection([State.HELD]), 50))),
}


def measured(orders: Orders, ask: Ask) -> tuple[object, int, int]:
    """The answer, how often a whole table was read, and how many of its rows were."""
    with orders.database.transaction() as tx:
        before = tx.row(READ)  # of transactions before this one, too
        answer = ask(tx, orders)
        after = tx.row(READ)
    assert before
    assert after
    return answer, int(after["scans"] - before["scans"]), int(after["rows"] - before["rows"])


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_page_costs_nothing_for_what_is_finished(orders: Orders, name: str) -> None:
    count, ask = QUESTIONS[name]
    page, scans, rows = measured(orders, ask)
    assert isinstance(page, objects.Page)
    assert (len(page.rows), scans) == (count, 0)
    assert count <= rows < FEW


def test_nor_does_one_object_or_the_search_for_it(orders: Orders) -> None:
    for text in ("OLD-7", "old-7", "S00012", "12", "1z 7", "nowhere"):
        _, scans, rows = measured(orders, lambda tx, orders, text=text: objects.find(tx, orders.vault, text, None))
        assert (scans, rows < FEW) == (0, True), text
    its, scans, rows = measured(orders, lambda tx, orders: story(tx, orders.vault, "order", "old-7"))
    assert (len(its.events), scans, rows < FEW) == (2, 0, True)  # type: ignore[attr-defined]


def test_nor_do_the_totals_of_today(orders: Orders) -> None:
    sums, scans, rows = measured(orders, lambda tx, _: totals(tx, "order", A_DAY_AGO))
    assert (sums.received["received"], scans, rows < FEW) == (41, 0, True)  # type: ignore[attr-defined]


def test_a_table_that_is_read_as_a_whole_would_be_noticed(orders: Orders) -> None:
    _, scans, _ = measured(orders, lambda tx, _: tx.value("select count(*) from messages where number like 'O%%'"))
    assert scans == 1
