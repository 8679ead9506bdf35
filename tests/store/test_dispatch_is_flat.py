"""To take and claim costs the same, however much is due beside it: Postgres counts the rows that are read."""

from __future__ import annotations

from integration.message import Step
from integration.settings import System
from integration.store import deliveries, dispatch, installations
from integration.store.database import Database
from tests.benchmarks.flat import FILL, Load

DUE = Load("due", 20_000, due="now() - interval '1 second'")
WINDOW = 24
ROUNDS = 8
"""More than Postgres plans a statement for its values alone."""
MOST = 1_000
"""Rows that a round may look at; those that the rounds before it have taken are among them."""
READ = """
select sum(pg_stat_get_xact_numscans(oid)) filter (where relkind = 'r') as scans,
    sum(pg_stat_get_xact_tuples_returned(oid)) filter (where relkind = 'r')
    + sum(pg_stat_get_xact_tuples_fetched(oid)) filter (where relkind = 'i') as rows
from pg_class where oid = 'deliveries'::regclass
or oid in (select indexrelid from pg_index where indrelid = 'deliveries'::regclass)"""


def test_what_is_due_is_taken_and_claimed_without_a_look_at_the_rest(database: Database) -> None:
    odoo = System("odoo", "http://127.0.0.1:1", rate=10.0, concurrency=4, timeout=5.0, options={})
    with database.transaction() as tx:
        target = installations.register(tx, [odoo])["odoo"].id
        tx.run("insert into definitions (hash, kind, name, body) values ('pin', 'workflow', 'order-to-odoo', '{}')")
        sql = FILL.format(lane=DUE.lane, state=DUE.state, due=DUE.due)
        tx.run(sql, {"source": target, "target": target, "name": DUE.name, "count": DUE.count})
    with database.statement() as tx:
        tx.run("vacuum analyze deliveries")
    with database.transaction() as tx:
        before = tx.row(READ)
        for _ in range(ROUNDS):
            taken = [row["id"] for row in dispatch.take_due(tx, "odoo", WINDOW, [target])]
            claimed = deliveries.claim(tx, taken[:8], [Step.ENRICH], [target], queue="odoo", most=WINDOW)
            assert (len(taken), len(claimed)) == (WINDOW, WINDOW)
            tx.run("update deliveries set state = 'running' where state = 'queued'")  # what makes room for the next
        after = tx.row(READ)
    assert before
    assert after
    assert after["scans"] == before["scans"], "the whole table was read"
    assert after["rows"] - before["rows"] < ROUNDS * MOST
