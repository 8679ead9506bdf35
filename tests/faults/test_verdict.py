"""The verdict goes red: on a fleet that is well, one row at a time is made wrong, in the books of each side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.faults.verdict import judge
from tests.road.world import World

Books = dict[str, Any]
ALL_AT_ONCE = 60.0
SOON = 3.0
"""Seconds for what is well; what was made wrong never gets well."""


class Altered(World):
    """The same fleet, with a sandbox whose ledger has one thing wrong."""

    def __init__(self, world: World, alter: Callable[[Books], None]) -> None:
        super().__init__(world.fleet)
        self._alter = alter

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = super().control(method, path, body)
        if path == "ledger":
            self._alter(answer)
        return answer


class Judged:
    """A fleet with two orders: one shipped, billed and paid, one that the customer has changed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shipped, self.changed = world.generate(2, "b2b_po+shared", "tax_excluded+shared")
        world.finished(self.shipped, self.changed)
        world.control("PATCH", f"orders/{self.changed}", {"purchaseOrderNumber": "PO-2"})
        self.judge(world, ALL_AT_ONCE)

    def judge(self, world: World, patience: float = SOON) -> None:
        judge(world, [self.shipped, self.changed], [self.shipped], {self.changed: "PO-2"}, patience)


@pytest.fixture(scope="module")
def judged(world: World) -> Judged:
    return Judged(world)


def raises(verdict: str) -> pytest.RaisesExc[AssertionError]:
    return pytest.raises(AssertionError, match=verdict)


def of(rows: list[Books], id: str) -> Books:
    """The last row about an order."""
    return [row for row in rows if id in map(str, row.values()) or str(row.get("external_id", "")).endswith(id)][-1]


def odoo(**wrong: Any) -> Callable[[Books, str], None]:
    return lambda books, id: of(books["odoo"]["orders"], id).update(wrong)


def fusion(**wrong: Any) -> Callable[[Books, str], None]:
    return lambda books, id: of(books["fusion"]["orders"], id).update(wrong)


def again(kind: str, **wrong: Any) -> Callable[[Books, str], None]:
    return lambda books, id: books["clarity"][kind].append({**of(books["clarity"][kind], id), **wrong})


def backwards(books: Books, id: str) -> None:
    books["clarity"]["status_pushes"].reverse()


def nowhere(books: Books, id: str) -> None:
    books["odoo"]["orders"].remove(of(books["odoo"]["orders"], id))


THEIRS = {
    "an order twice in Odoo": (odoo(created=2), "orders that exist twice in Odoo"),
    "an order confirmed twice": (odoo(confirmed=2), "not once in Odoo"),
    "an order that is not in Odoo": (nowhere, "not once in Odoo"),
    "an order twice in Fusion": (fusion(created=2), "not once in Fusion"),
    "an order submitted twice": (fusion(submissions=2), "not once in Fusion"),
    "a status pushed twice": (again("status_pushes"), "Clarity was notified twice"),
    "a status that stepped back": (backwards, "statuses of"),
    "a shipment twice": (again("shipments"), "shipments that exist twice"),
    "more shipped than ordered": (again("shipments", external_ref="odoo-1/other"), "shipments of"),
    "an invoice twice": (again("invoices"), "invoices that exist twice"),
    "more billed than ordered": (again("invoices", external_ref="odoo-1/other"), "invoices of"),
}


@pytest.mark.parametrize("wrong", THEIRS)
def test_what_is_wrong_at_the_other_side_is_seen(judged: Judged, wrong: str) -> None:
    alter, verdict = THEIRS[wrong]
    with closing(Altered(judged.world, lambda books: alter(books, judged.shipped))) as world, raises(verdict):
        judged.judge(world)


def test_an_older_state_of_an_order_is_seen(judged: Judged) -> None:
    older = odoo(client_order_ref="PO-1")
    with closing(Altered(judged.world, lambda books: older(books, judged.changed))) as world, raises("not the newest"):
        judged.judge(world)


ONE = "update deliveries set {} where id = %s"
OURS = {
    "a delivery that is held": (ONE.format("state = 'held'"), ONE.format("state = 'done'"), "unsettled"),
    "a delivery that waits": (
        ONE.format("state = 'waiting', due_at = now() + interval '1 hour'"),
        ONE.format("state = 'done'"),
        "did not happen",
    ),
    "a delivery that ended after a newer one": (
        ONE.format("finished_at = finished_at + interval '1 hour'"),
        ONE.format("finished_at = finished_at - interval '1 hour'"),
        "out of order",
    ),
    "an effect without a success": (
        "update attempts set outcome = 'failed' where delivery = %s and outcome = 'ok'",
        "update attempts set outcome = 'ok' where delivery = %s and outcome = 'failed'",
        "exactly one success",
    ),
    "a message that is gone": (
        "update counters set value = value + 1 where name = 'accepted' and %s > 0",
        "update counters set value = value - 1 where name = 'accepted' and %s > 0",
        "accepted",
    ),
}


@pytest.mark.parametrize("wrong", OURS)
def test_what_is_wrong_in_our_own_books_is_seen(judged: Judged, wrong: str) -> None:
    spoil, repair, verdict = OURS[wrong]
    first = judged.world.at("odoo", judged.changed)[0]["id"]
    with judged.world.database.transaction() as tx:
        tx.run(spoil, first)
    try:
        with raises(verdict):
            judged.judge(judged.world)
    finally:
        with judged.world.database.transaction() as tx:
            tx.run(repair, first)


def test_what_is_well_is_found_well(judged: Judged) -> None:
    judged.judge(judged.world)
