"""What people cancel in Odoo of an order is read as what is kept of each line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from integration.connectors import settling
from integration.connectors.contract import AsPosted, Change, Document
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import Shop

Kept = list[tuple[str, Decimal, Decimal, Decimal]]


@pytest.fixture
def staff(shop: Shop) -> Staff:
    return Staff(shop.target)


def as_posted(document: Document, order: str | None, **lines: str) -> AsPosted:
    """What the fleet keeps of the order: its lines of three and two, but where it is said otherwise."""
    quantities = {"1": "3", "2": "2"} | {key.lstrip("_"): quantity for key, quantity in lines.items()}
    kept = [{"id": id, "sku": None, "quantity": quantity, "ships": True} for id, quantity in quantities.items()]

    def ask(entity: str, theirs: Sequence[str]) -> Mapping[str, Document]:
        assert entity == "order"
        return {id: {"id": document["key"], "lines": kept} for id in theirs if id == order}

    return ask


def lower(shop: Shop, order: str, quantity: float) -> None:
    line = shop.target.one("sale.order", order, "order_line")["order_line"][0]
    shop.target.owner("sale.order.line", "write", [line], vals={"product_uom_qty": quantity, "price_unit": 10.55})


def cancel_the_rest(shop: Shop, staff: Staff, order: str) -> None:
    staff.ship(order, 1, 2)
    shop.target.owner("stock.picking", "action_cancel", [staff.picking(order)])


def bill_short(_: Shop, staff: Staff, order: str) -> None:
    staff.ship(order, 1, 2, rest=False)
    staff.bill(order)


def come_back(_: Shop, staff: Staff, order: str) -> None:
    staff.take_back(staff.ship(order, 1, 2, rest=False))


def kept(change: Change) -> Kept:
    return [(line["key"], line["ordered"], line["kept"], line["billed"]) for line in change.document["lines"]]


def the(*lines: tuple[str, int, int, int]) -> Kept:
    return [(key, *(Decimal(each) for each in numbers)) for key, *numbers in lines]  # type: ignore[misc]


CASES: dict[str, tuple[Callable[[Shop, Staff, str], object], bool, str | None, Kept]] = {
    "the order is cancelled": (
        lambda shop, _, order: shop.target.owner("sale.order", "action_cancel", [int(order)]),
        True,
        None,
        the(("1", 3, 0, 0), ("2", 2, 0, 0)),
    ),
    "a line is lowered": (lambda shop, _, order: lower(shop, order, 1), False, None, the(("1", 3, 1, 0))),
    "no backorder is made": (
        lambda _, staff, order: staff.ship(order, 2, 0, rest=False),
        False,
        None,
        the(("1", 3, 2, 0), ("2", 2, 0, 0)),
    ),
    "the backorder is cancelled": (cancel_the_rest, False, None, the(("1", 3, 1, 0))),
    "more is billed than kept": (bill_short, False, None, the(("1", 3, 1, 3))),
    "only the transfers are cancelled": (
        lambda shop, staff, order: shop.target.owner("stock.picking", "action_cancel", [staff.picking(order)]),
        False,
        "transfers_cancelled",
        the(("1", 3, 0, 0), ("2", 2, 0, 0)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_kept_is_read(shop: Shop, staff: Staff, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    act, whole, unclear, expected = CASES[case]
    document = shop.two_lines()
    posted = shop.send(document)
    order = posted.theirs or ""
    act(shop, staff, order)
    ask = as_posted(document, order)
    assert staff.reported("cancellations", order, as_posted=ask) == [], "it may be a change of ours"
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-3))
    [change] = staff.reported("cancellations", order, as_posted=ask)
    assert (change.type, change.id, change.number) == ("cancellation.changed", f"order/{order}", posted.number)
    assert change.parent
    assert change.parent.ours == document["key"]
    assert (change.document["whole"], change.document["unclear"]) == (whole, unclear)
    assert kept(change) == expected


@pytest.mark.parametrize(
    "act", [lambda *_: None, lambda _, staff, order: staff.ship(order, 1, 2), come_back], ids=["open", "rest", "back"]
)
def test_what_is_all_kept_or_still_to_come_is_nothing(
    shop: Shop, staff: Staff, act: Callable[[Shop, Staff, str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = shop.two_lines()
    order = shop.send(document).theirs or ""
    act(shop, staff, order)
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-3))
    assert staff.reported("cancellations", order, as_posted=as_posted(document, order)) == []


def test_what_clarity_knows_is_nothing(shop: Shop, staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    document = shop.two_lines()
    order = shop.send(document).theirs or ""
    staff.ship(order, 1, 2, rest=False)
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-3))
    assert staff.reported("cancellations", order, as_posted=as_posted(document, order, _1="1")) == []
    changed = {**document, "lines": [shop.line("1", "1", "10.55", "10"), document["lines"][1]]}
    shop.work.new_round()
    shop.send({**changed, "amount_total": Decimal("49.50")})
    line = shop.target.lines(order)["1"]
    assert line[0] == Decimal(1), "then Odoo orders what was shipped, and all of it is billed"
