"""A database that release 0.1.0 has filled is brought up to date: nothing in it is lost, and the ledger balances."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

from integration import preflight
from integration.errors import Misconfigured
from integration.local.servers import Postgres
from integration.message import State
from integration.operations.selection import Selection
from integration.store import (
    attempts,
    cursors,
    decisions,
    fulfilment,
    installations,
    ledger,
    refusals,
    repair,
    superseded,
)
from integration.store.attempts import Intending, Outcome
from integration.store.database import Database, Row
from integration.store.deliveries import Next
from integration.store.ends import leave_lane, move
from integration.store.fulfilment import Claim
from integration.store.migrate import FOLDER, migrate
from integration.store.repair import Restart
from integration.vault import Vault
from tests.conftest import Running, new_database
from tests.store.older import LAST, lay_out
from tests.store.road import INGEST_STEPS, Road, system

LOGIN = "jane:s3cret@"
READ_BY_CLAIMS = (FOLDER / "0020_decisions.sql").read_text().partition("-- What was approved")[0]


class Before:
    """A database of release 0.1.0: an order that is done, one that is held twice, a dead one, an open one, and more."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        with self.database.transaction() as tx:
            lay_out(tx)
            tx.run("alter table installations add column system text")  # what fills it is of today
            tx.run("alter table crossrefs add column source smallint")  # read by the claims below, which are today's
            tx.run("alter table messages add value numeric, add currency text, add part_of text")  # and the inbox
            tx.run(READ_BY_CLAIMS)
            tx.run("alter table deliveries add column mapping_version integer")
            tx.run("create table publications (version integer)")
        self.road = Road(self.database)
        with self.database.transaction() as tx:
            found = installations.register(tx, [system("clarity"), system("odoo"), system("fusion")])
            tx.run("update installations set url = replace(url, '//', '//' || %s) where kind = 'odoo'", LOGIN)
        self.shop, self.odoo, self.fusion = (found[kind].id for kind in ("clarity", "odoo", "fusion"))
        self.done, self.dead, self.open, self.running = (
            self.road.delivery(f"evt-{order}", order=order) for order in ("1001", "1003", "1004", "1005")
        )
        self._post(self.done)
        self.held = [self._fail(version) for version in (1, 2)]
        self.road.close(self.dead, State.DEAD)
        self.road.claim(self.running)
        self._carry("1001", self.odoo)
        self._carry("1006", self.odoo)
        self._carry("1006", self.fusion)
        self.road.close(self.road.delivery("evt-1006", order="1006"), State.SKIPPED)
        with self.database.transaction() as tx:
            tx.run("update deliveries set approved = '{total_differs}' where id = %s", self.held[1])
            tx.run("alter table crossrefs drop column source, drop column taken")
            tx.run("alter table deliveries drop column taken, drop column about, drop column difference")
            tx.run("drop table decisions")
            cursors.ensure(tx, self.odoo, ("pickings",))
            for minutes, reason in ((1, "unproven"), (2, "unproven"), (2, "stale")):
                tx.run(
                    "insert into refusals values (%s, %s, now() - make_interval(mins => %s), 3)",
                    self.shop,
                    reason,
                    minutes,
                )
            tx.run("alter table installations drop column system")
            tx.run("alter table messages drop value, drop currency, drop part_of")
            tx.run("alter table deliveries drop column mapping_version")
            tx.run("drop table publications")

    def rows(self) -> list[Row]:
        """What every delivery is and waits for."""
        with self.database.transaction() as tx:
            return tx.rows("select id, state, step, due_at, round, lease, document from deliveries order by id")

    def balance(self) -> ledger.Ledger:
        with self.database.transaction() as tx:
            return ledger.balance(tx, full=True)

    def _post(self, id: int) -> None:
        claimed = self.road.claim(id)
        assert claimed
        with self.database.transaction() as tx:
            intent = attempts.intend(tx, [Intending(claimed, "order.load", b"request")])[0]
            assert intent
            attempts.close(tx, [(claimed, Outcome(intent.attempt, "ok", b"answer"))])
            move(tx, [(claimed, Next(State.DONE, effects=("order.load",)))])
            leave_lane(tx, [(claimed, True)])

    def _fail(self, version: int) -> int:
        """Several events of one order could be held side by side."""
        id = self.road.delivery(f"evt-1002-{version}", order="1002", version=version)
        claimed = self.road.claim(id)
        assert claimed
        self.road.move(claimed, State.HELD, code="total_differs", reason="a cent", document=b"document")
        return id

    def _carry(self, order: str, target: int) -> None:
        """An order at a target, its goods shipped; and the stage that Clarity was last notified of."""
        line = {"id": "1", "sku": "SKU-1", "quantity": "2", "ships": True}
        carried = {"lines": [line], "amount": "20.00", "currency": "EUR"}
        rows = (
            (target, "order", order, carried),
            (target, "shipment", f"{order}-{target}", {"lines": {"1": "2"}}),
            (self.shop, "order", order, {"stage": 1}),
        )
        with self.database.transaction() as tx:
            for installation, entity, object_id, body in rows:
                tx.run(
                    """insert into progress (installation, entity, object_id, order_id, body)
                       values (%s, %s, %s, %s, %s) on conflict do nothing""",
                    installation,
                    entity,
                    object_id,
                    order,
                    json.dumps(body),
                )


@pytest.fixture
def before(postgres: Postgres | Running) -> Iterator[Before]:
    made = Before(new_database(postgres.url))
    yield made
    made.database.close()


def upgraded(before: Before) -> Before:
    applied = migrate(before.url)
    assert applied == [path.name for path in sorted(FOLDER.glob("*.sql")) if path.name[:4] > LAST]
    assert migrate(before.url) == []
    return before


def test_every_delivery_is_what_it_was_and_the_ledger_balances(before: Before) -> None:
    rows = before.rows()
    assert before.balance().imbalances == ()
    assert before.rows() == upgraded(before).rows() == rows
    (source,) = before.balance().sources
    assert before.balance().imbalances == ()
    states = ("accepted", "done", "skipped", "held", "dead", "open")
    assert [source[state] for state in states] == [7, 1, 1, 2, 1, 2]


def test_what_is_open_goes_on_and_what_was_held_can_be_repaired(before: Before) -> None:
    road = upgraded(before).road
    claimed = road.claim(before.open)
    assert claimed
    assert road.move(claimed, State.DONE) is State.DONE
    with before.database.transaction() as tx:
        assert [row["newer"] for row in repair.matching(tx, Selection((State.HELD,)), 10)] == [0, 0]
        assert [row["code"] for row in decisions.of_delivery(tx, before.held[0])] == []
        assert [row["code"] for row in decisions.of_delivery(tx, before.held[1])] == ["total_differs"], "it holds on"
        assert repair.replay(tx, [before.held[1]], Restart(goes_on=True), "jane") == {before.held[1]: before.held[1]}
    assert before.balance().imbalances == ()


def test_the_next_event_that_fails_leaves_one_row_of_the_object(before: Before) -> None:
    road = upgraded(before).road
    claimed = road.claim(road.delivery("evt-1002-3", order="1002", version=3), INGEST_STEPS)
    assert claimed
    with before.database.transaction() as tx:
        next = Next(State.HELD, code="total_differs", reason="a cent", document=b"document")
        move(tx, [(claimed, next)])
        superseded.keep_one(tx, claimed, State.HELD)
    with before.database.transaction() as tx:
        assert [row["id"] for row in repair.matching(tx, Selection((State.HELD,)), 10)] == [before.held[1]]
    assert before.balance().imbalances == ()


def test_a_line_belongs_to_the_one_target_that_has_it_and_of_two_to_who_claims_it_first(before: Before) -> None:
    upgraded(before)
    with before.database.transaction() as tx:
        assert fulfilment.claim(tx, [Claim(before.shop, "1001", before.fusion, {"1"}, {"1"})]) == [{"1": before.odoo}]
        assert fulfilment.claim(tx, [Claim(before.shop, "1006", before.fusion, {"1"}, {"1"})]) == [{"1": before.fusion}]
        stages = tx.rows("select object_id, body from progress where installation = %s order by 1", before.shop)
    assert stages == [{"object_id": order, "body": {"stage": 1}} for order in ("1001", "1006")]


def test_an_installation_and_the_refusals_are_kept(before: Before) -> None:
    upgraded(before)
    with before.database.transaction() as tx:
        assert LOGIN not in str(installations.all_installations(tx))
        found = installations.register(tx, [system("clarity"), system("odoo"), system("fusion")])
        assert [found[kind].id for kind in ("clarity", "odoo", "fusion")] == [before.shop, before.odoo, before.fusion]
        assert [row["system"] for row in installations.all_installations(tx)] == ["clarity", "odoo", "fusion"]
        assert [row["target"] for row in cursors.all_cursors(tx)] == ["odoo-1"]
        refusals.note(tx, before.shop, {"stale": 1})
        assert [(row["reason"], row["count"]) for row in refusals.totals(tx)] == [("stale", 4), ("unproven", 6)]


def test_it_starts_with_its_own_keys_only(before: Before) -> None:
    vault = Vault((Fernet.generate_key().decode(),))
    with before.database.transaction() as tx:
        tx.run("update messages set body = %s", vault.seal(b"{}"))
    preflight.check_database(upgraded(before).database, vault)
    with pytest.raises(Misconfigured):
        preflight.check_database(before.database, Vault((Fernet.generate_key().decode(),)))
