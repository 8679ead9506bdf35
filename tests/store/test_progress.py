"""How far an order is over all the targets that carry parts of it, and what Clarity is notified of."""

from __future__ import annotations

import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from integration.canonical.fulfilment import Stage
from integration.message import State
from integration.store import crossrefs, fulfilment, installations
from integration.store.crossrefs import Written
from integration.store.database import Database, Row
from integration.store.fulfilment import Claim
from tests.store.road import Road, system

_numbers = itertools.count(1)


class Books:
    """Order 1001 at Odoo and Fusion, as it is reported to Clarity."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.road = Road(database)
        with database.transaction() as tx:
            found = installations.register(tx, [system("clarity"), system("odoo"), system("fusion")])
        self.shop, self.odoo, self.fusion = (found[kind].id for kind in ("clarity", "odoo", "fusion"))
        self.targets = [self.shop, self.odoo, self.fusion]

    def carry(self, target: int, order: str = "1001", ships: bool = True, **lines: str) -> None:
        carried = [{"id": id, "sku": None, "quantity": quantity, "ships": ships} for id, quantity in lines.items()]
        with self.database.transaction() as tx:
            fulfilment.carry(tx, [(target, order, {"lines": carried, "amount": "10.00", "currency": "EUR"})])
            crossrefs.write(tx, [Written(target, "order", order, f"S{order}", version=1)])

    def ship(self, target: int, shipment: str, **lines: str) -> tuple[Stage, ...]:
        return self._note(target, "shipment", shipment, {"lines": lines})

    def bill(self, target: int, invoice: str, status: str = "paid", complete: bool = True) -> tuple[Stage, ...]:
        return self._note(target, "invoice", invoice, {"status": status, "complete": complete})

    def open_orders(self, target: int) -> list[str]:
        with self.database.transaction() as tx:
            return fulfilment.open_orders(tx, target)

    def _note(self, target: int, entity: str, id: str, body: Row) -> tuple[Stage, ...]:
        self.record(target, entity, id, body)
        with self.database.transaction() as tx:
            fulfilment.show(tx, target, entity, id)
            return fulfilment.advance(tx, self.shop, "1001", self.targets)

    def record(self, target: int, entity: str, id: str, body: Row) -> None:
        """As a delivery about this object would, under its lease."""
        claimed = self.road.claim(self.road.delivery(f"evt-{entity}-{id}-{next(_numbers)}", order=f"lane-{id}"))
        assert claimed
        about = replace(claimed, source=target, entity=entity, object_id=id)
        with self.database.transaction() as tx:
            assert fulfilment.record(tx, about, "1001", body) is not None
        self.road.move(claimed, State.DONE)


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def test_shipped_in_parts(books: Books) -> None:
    books.carry(books.odoo, a="2", b="1.5")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,)
    assert books.ship(books.odoo, "2", b="1.5") == (), "reported already"
    assert books.ship(books.odoo, "3", a="1.0") == (Stage.SHIPPED,)
    assert books.bill(books.odoo, "i", "open") == ()
    assert books.bill(books.odoo, "i", "paid") == (Stage.COMPLETED,)


def test_shipped_when_every_target_has_shipped_its_part(books: Books) -> None:
    books.carry(books.odoo, a="1")
    books.carry(books.fusion, b="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,)
    assert books.ship(books.fusion, "2", b="1") == (Stage.SHIPPED,)
    assert books.bill(books.odoo, "i") == ()
    assert books.bill(books.fusion, "j") == (Stage.COMPLETED,)


def test_a_line_that_two_targets_carry_is_shipped_when_both_have(books: Books) -> None:
    books.carry(books.odoo, a="1")
    books.carry(books.fusion, a="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,)
    assert books.ship(books.odoo, "2", a="1") == (), "shipped twice there is not shipped here"
    assert books.ship(books.fusion, "3", a="1") == (Stage.SHIPPED,)


def test_it_waits_for_a_target_that_has_yet_to_take_its_part_on(books: Books) -> None:
    id = books.road.delivery("evt-1")
    books.road.run("update deliveries set target = %s where id = %s", books.fusion, id)
    books.carry(books.odoo, a="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,)
    books.road.run("update deliveries set state = 'done' where id = %s", id)
    assert books.ship(books.odoo, "1", a="1") == (Stage.SHIPPED,)


def test_all_at_once_is_reported_in_order(books: Books) -> None:
    books.carry(books.odoo, a="1")
    books.record(books.odoo, "invoice", "i", {"status": "paid", "complete": True})
    with books.database.transaction() as tx:
        fulfilment.show(tx, books.odoo, "invoice", "i")
    assert books.ship(books.odoo, "1", a="1") == (Stage.SHIPPED, Stage.COMPLETED)


def test_an_order_of_which_nothing_ships_is_completed_once_it_is_billed_and_paid(books: Books) -> None:
    books.carry(books.odoo, ships=False, a="1")
    assert books.bill(books.odoo, "i", "open") == ()
    assert books.open_orders(books.odoo) == ["S1001"]
    assert books.bill(books.odoo, "i", "paid") == (Stage.SHIPPED, Stage.COMPLETED), "Clarity completes what is shipped"
    assert books.open_orders(books.odoo) == []


def test_so_is_one_whose_parts_are_all_billed(books: Books) -> None:
    books.carry(books.odoo, ships=False, a="1")
    books.carry(books.fusion, b="1")
    assert books.bill(books.odoo, "i") == ()
    assert books.ship(books.fusion, "1", b="1") == (Stage.SHIPPED,)
    assert books.bill(books.fusion, "j") == (Stage.COMPLETED,)


def test_an_order_of_which_nobody_carries_anything_is_not_completed(books: Books) -> None:
    books.carry(books.odoo)
    assert books.bill(books.odoo, "i", "void") == ()
    assert books.bill(books.odoo, "j", "paid") == ()


def test_it_never_steps_back(books: Books) -> None:
    books.carry(books.odoo, a="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.SHIPPED,)
    books.carry(books.odoo, a="5")
    assert books.ship(books.odoo, "2", a="1") == ()
    assert books.ship(books.odoo, "3", a="3") == ()


def test_what_clarity_does_not_have_does_not_count(books: Books) -> None:
    books.carry(books.odoo, a="1")
    books.record(books.odoo, "shipment", "1", {"lines": {"a": "1"}})
    with books.database.transaction() as tx:
        assert fulfilment.advance(tx, books.shop, "1001", books.targets) == ()


def test_a_worker_whose_lease_was_taken_over_records_nothing(books: Books) -> None:
    claimed = books.road.claim(books.road.delivery("evt-1"))
    assert claimed
    stale = replace(claimed, lease=str(uuid.uuid4()), source=books.odoo, entity="shipment", object_id="1")
    with books.database.transaction() as tx:
        assert fulfilment.record(tx, stale, "1001", {"lines": {"a": "1"}}) is None
        assert fulfilment.away(tx, books.odoo, "1001", "shipment", "2") == {}


def test_a_target_that_is_configured_no_more_does_not_count(books: Books) -> None:
    books.carry(books.odoo, a="1")
    books.carry(books.fusion, a="1")
    books.targets.remove(books.fusion)
    assert books.ship(books.odoo, "1", a="1") == (Stage.SHIPPED,)


def test_a_void_invoice_neither_bills_nor_blocks(books: Books) -> None:
    books.carry(books.odoo, a="1")
    books.ship(books.odoo, "1", a="1")
    assert books.bill(books.odoo, "i", "void") == ()
    assert books.bill(books.odoo, "j", "paid") == (Stage.COMPLETED,)


def test_two_shipments_at_once_are_reported_once(books: Books) -> None:
    books.carry(books.odoo, **{f"l{number}": "1" for number in range(12)})
    with ThreadPoolExecutor(6) as pool:
        reported = [
            stage
            for stages in pool.map(lambda n: books.ship(books.odoo, str(n), **{f"l{n}": "1"}), range(12))
            for stage in stages
        ]
    assert sorted(reported) == [Stage.PARTLY_SHIPPED, Stage.SHIPPED]  # in the order of the shipments, not of time


def test_open_orders_take_turns_until_they_are_shipped_and_paid(books: Books) -> None:
    for order in ("1001", "1002"):
        books.carry(books.odoo, order, a="1")
    assert books.open_orders(books.odoo) == ["S1001", "S1002"]
    with books.database.transaction() as tx:
        fulfilment.polled(tx, books.odoo, ["S1001"])
    assert books.open_orders(books.odoo) == ["S1002", "S1001"]
    books.ship(books.odoo, "1", a="1")
    books.bill(books.odoo, "i")
    assert books.open_orders(books.odoo) == ["S1002"]


def test_what_other_shipments_hold(books: Books) -> None:
    books.carry(books.odoo, a="5")
    books.ship(books.odoo, "1", a="2")
    books.ship(books.odoo, "2", a="1.5")
    with books.database.transaction() as tx:
        away = fulfilment.away(tx, books.odoo, "1001", "shipment", "2")
        assert {line: str(n) for line, n in away.items()} == {"a": "2"}


def claim(books: Books, target: int, *lines: str, ordered: str = "abc") -> dict[str, int | None]:
    with books.database.transaction() as tx:
        return fulfilment.claim(tx, [Claim(books.shop, "1001", target, lines, ordered)])[0]


def release(books: Books, target: int, *keep: str, ordered: str = "abc") -> dict[str, int | None]:
    with books.database.transaction() as tx:
        fulfilment.release(tx, books.shop, "1001", target, keep=keep, ordered=ordered)
        return fulfilment.claim(tx, [Claim(books.shop, "1001", target, (), ordered)])[0]


def test_a_line_belongs_to_who_claims_it_first_until_that_lets_it_go(books: Books) -> None:
    assert claim(books, books.odoo, "a") == {"a": books.odoo, "b": None, "c": None}
    both = {"a": books.odoo, "b": books.fusion, "c": books.fusion}
    assert claim(books, books.fusion, "a", "b", "c") == both
    assert claim(books, books.odoo, "a", "c") == both
    assert release(books, books.fusion, "b") == {"a": books.odoo, "b": books.fusion, "c": None}
    assert claim(books, books.odoo, "a", "c")["c"] == books.odoo
    assert release(books, books.odoo, ordered="ab") == {"a": None, "b": books.fusion}


def test_of_claims_at_once_one_counts(books: Books) -> None:
    targets = [books.odoo, books.fusion] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda target: claim(books, target, "a"), targets))
    assert len({each["a"] for each in found}) == 1


def test_what_others_have_claimed_in_full_waits_for_nobody_else(books: Books) -> None:
    """Fusion has an event still to look at, and none of the lines."""
    id = books.road.delivery("evt-1")
    books.road.run("update deliveries set target = %s where id = %s", books.fusion, id)
    claim(books, books.odoo, "a", ordered="ab")
    books.carry(books.odoo, a="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,), "nobody has claimed b yet"
    claim(books, books.odoo, "a", "b", ordered="ab")
    assert books.ship(books.odoo, "2", a="1") == (Stage.SHIPPED,)


def test_what_another_has_claimed_is_waited_for(books: Books) -> None:
    id = books.road.delivery("evt-1")
    books.road.run("update deliveries set target = %s where id = %s", books.fusion, id)
    claim(books, books.odoo, "a", ordered="ab")
    claim(books, books.fusion, "b", ordered="ab")
    books.carry(books.odoo, a="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,)


def test_a_copy_for_the_books_neither_counts_nor_is_waited_for(books: Books) -> None:
    id = books.road.delivery("evt-1")
    with books.database.transaction() as tx:
        tx.run("update definitions set body = '{\"fulfils\": false}' where hash = 'pin'")
        tx.run("update deliveries set target = %s where id = %s", books.fusion, id)
    books.carry(books.odoo, a="1")
    assert books.ship(books.odoo, "1", a="1") == (Stage.SHIPPED,)
    with books.database.transaction() as tx:
        copy = {"lines": [], "amount": "0", "currency": "EUR", "copy": True}
        fulfilment.carry(tx, [(books.fusion, "1001", copy)])
    assert books.open_orders(books.fusion) == []
    assert books.bill(books.odoo, "i") == (Stage.COMPLETED,)


def test_what_came_back_is_not_shipped_and_may_be_sent_again(books: Books) -> None:
    def left(of: str, id: str) -> dict[str, Decimal]:
        with books.database.transaction() as tx:
            return fulfilment.away(tx, books.odoo, "1001", of, id)

    books.carry(books.odoo, a="2")
    assert books.ship(books.odoo, "1", a="1") == (Stage.PARTLY_SHIPPED,)
    books.record(books.odoo, "returned_goods", "9", {"lines": {"a": "1"}})
    assert left("shipment", "2") == {"a": 1}, "Clarity has to have it back first"
    assert left("returned_goods", "10") == {"a": 0}
    with books.database.transaction() as tx:
        fulfilment.show(tx, books.odoo, "returned_goods", "9")
    assert left("shipment", "2") == {"a": 0}
    assert books.ship(books.odoo, "2", a="1") == (), "one of two is away"
    assert books.ship(books.odoo, "3", a="1") == (Stage.SHIPPED,)
    books.record(books.odoo, "returned_goods", "11", {"lines": {"a": "2"}})
    assert books.bill(books.odoo, "i") == (Stage.COMPLETED,), "what came back for good keeps no order open"
