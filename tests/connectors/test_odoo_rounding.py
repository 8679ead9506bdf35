"""Where Clarity and an Odoo round in different places: the sandbox's, and a real one with ``--live``.

``--rounding-orders N`` sends so many random orders under each of Odoo's settings; the table of each run is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.connectors.contract import Document, Request
from integration.errors import Retry
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import LiveTarget, SandboxTarget, Shop, held, sandbox, unique
from tests.connectors.random_orders import RandomOrder, random_order
from tests.connectors.rounding_proof import SETTINGS, prove, rounding, table
from tests.connectors.work import LossyWork, MemoryWork

FEW, MANY = 12, 40


@pytest.fixture(params=SETTINGS)
def method(request: pytest.FixtureRequest, shop: Shop) -> Iterator[str]:
    with rounding(shop.target, request.param):
        yield request.param


@pytest.mark.timeout(7200)
def test_every_order_comes_to_claritys_total(shop: Shop, method: str, pytestconfig: pytest.Config) -> None:
    wanted = pytestconfig.getoption("--rounding-orders")
    count = wanted or (MANY if isinstance(shop.target, SandboxTarget) else FEW)
    longest = 60 if wanted else 25
    outcomes = list(prove(shop, (f"rounding/{number}" for number in range(count)), longest=longest))
    print(f"\n{method}\n{table(outcomes)}")
    assert [(each.order.kind, each.order.currency, each.reason) for each in outcomes if not each.right] == []
    if method == "round_globally":
        assert any(each.carried for each in outcomes), "none needed a line: these orders prove nothing"


def order_of(shop: Shop, total: str, **changes: Any) -> Document:
    """An order of one line for 100 with a tax on top, which Clarity has rounded four times: so it may be 0.02 off."""
    line = shop.line("1", "1", "100", taxes=[{"rate": shop.target.rate, "included": False}])
    right = 100 + Decimal(shop.target.rate)
    return shop.order(line, total=str(right + Decimal(total)), **{"tax_roundings": Decimal(4), **changes})


def rounding_line(shop: Shop, order: str | None) -> dict[str, Any]:
    """The order's rounding line as Odoo shows it."""
    ids = shop.target.one("sale.order", order or 0, "order_line")["order_line"]
    names = shop.target.owner("sale.order.line", "get_external_id", ids)
    [id] = [int(id) for id, name in names.items() if name.startswith("__clarity__.order_rounding__")]
    fields = ("product_uom_qty", "price_unit", "price_total", "discount", "tax_ids", "product_id", "name")
    return shop.target.one("sale.order.line", id, *fields)


@pytest.mark.parametrize("off", ["0.02", "-0.02", "0.01"])
def test_what_rounding_explains_is_carried_by_a_line_without_tax(shop: Shop, off: str) -> None:
    document = order_of(shop, off)
    posted = shop.send(document)
    assert posted.rounding == Decimal(off)
    order = shop.target.one("sale.order", posted.theirs or 0, "state", "amount_total", "picking_ids")
    assert (order["state"], round(Decimal(order["amount_total"]), 6)) == ("sale", document["amount_total"])
    line = rounding_line(shop, posted.theirs)
    assert (line["name"], line["product_uom_qty"], line["price_unit"]) == ("Rounding", 1, Decimal(off))
    assert (line["discount"], line["tax_ids"]) == (0, [])
    product = shop.target.one("product.product", line["product_id"], "type", "taxes_id", "invoice_policy")
    assert (product["type"], product["taxes_id"], product["invoice_policy"]) == ("service", [], "order")


@pytest.mark.parametrize("off", ["0.03", "-0.03", "1.00"])
def test_one_unit_more_than_rounding_explains_is_held(shop: Shop, off: str) -> None:
    document = order_of(shop, off)
    failure = held(lambda: shop.send(document))
    assert failure.code == "total_differs"
    assert "before anything is rounded" in failure.reason
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["draft"]


def test_odoos_own_sum_may_be_off_by_its_own_roundings_only(shop: Shop, method: str) -> None:
    """A line that somebody has added is not carried away, however many roundings Clarity's total has."""
    document = order_of(shop, "0.00", tax_roundings=Decimal(400))
    posted = shop.send(document)
    product = shop.target.one("sale.order.line", line_of(shop, posted.theirs), "product_id")["product_id"]
    values = {"product_id": product, "product_uom_qty": 1, "price_unit": 0.03, "discount": 0, "tax_ids": [[6, 0, []]]}
    shop.target.owner("sale.order", "write", [int(posted.theirs or 0)], vals={"order_line": [[0, 0, values]]})
    shop.work.new_round()
    assert held(lambda: shop.send(document)).code == "total_differs"


def line_of(shop: Shop, order: str | None) -> int:
    return int(shop.target.one("sale.order", order or 0, "order_line")["order_line"][0])


def test_another_rounding_in_odoo_is_noticed_at_once(shop: Shop) -> None:
    """Nine lines with a tax of 1.15 cents come to 0.55 when that is rounded once, and to 0.54 when it is each time."""
    taxes = [{"rate": "23", "included": False}]
    lines = [shop.line(str(number), "1", "0.05", taxes=taxes) for number in range(9)]
    for method, total, carried in (("round_globally", "0.54", "-0.01"), ("round_per_line", "0.55", "0.01")):
        with rounding(shop.target, method):
            document = shop.order(*lines, total=total, tax_roundings=Decimal(9))
            assert shop.send(document, shop.new_work()).rounding == Decimal(carried)


def test_where_differences_are_to_be_held_they_are(shop: Shop) -> None:
    document = order_of(shop, "0.01")
    connector = shop.target.connector(rounding="hold")
    failure = held(lambda: shop.send(document, connector=connector))
    assert failure.code == "total_differs"
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["draft"]


def test_an_update_carries_what_the_order_needs_now(shop: Shop) -> None:
    document = order_of(shop, "0.02")
    posted = shop.send(document)
    for off, quantity in (("0.01", 1), ("0.00", 0), ("-0.02", 1), ("0.02", 1)):
        shop.work.new_round()
        changed = {**order_of(shop, off), "key": document["key"], "partner": document["partner"]}
        assert shop.send(changed) == replace(posted, rounding=Decimal(off))
        line = rounding_line(shop, posted.theirs)
        assert (line["product_uom_qty"], line["price_total"]) == (quantity, Decimal(off))
        total = shop.target.one("sale.order", posted.theirs or 0, "amount_total")["amount_total"]
        assert round(Decimal(total), 6) == changed["amount_total"]


def test_posting_it_again_changes_nothing(shop: Shop) -> None:
    document = order_of(shop, "0.02")
    posted = shop.send(document)
    assert ("order.rounding", "ok") in shop.work.outcomes
    assert shop.send(document) == posted
    shop.work.new_round()
    assert shop.send(document) == posted
    assert {outcome for _, outcome in shop.work.outcomes} == {"found"}
    assert ("order.rounding", "found") in shop.work.outcomes


def test_an_answer_lost_after_the_effect_is_one_line_in_the_end(shop: Shop) -> None:
    document, work = order_of(shop, "0.02"), LossyWork("order.rounding", shop.crossrefs)
    with pytest.raises(Retry):
        shop.send(document, work)
    posted = shop.send(document, work)
    assert posted.rounding == Decimal("0.02")
    assert rounding_line(shop, posted.theirs)["price_total"] == Decimal("0.02")


def test_a_draft_that_was_held_keeps_no_line_that_it_does_not_need(shop: Shop) -> None:
    document = order_of(shop, "0.02")
    with pytest.raises(Retry):
        shop.send(document, LossyWork("order.confirm", shop.crossrefs))
    order = shop.target.orders(document["order"]["origin"])[0]
    shop.target.owner("sale.order", "action_cancel", [order["id"]])
    shop.target.owner("sale.order", "action_draft", [order["id"]])
    changed = {**order_of(shop, "0.00"), "key": document["key"], "partner": document["partner"]}
    posted = shop.send(changed, shop.new_work())
    assert posted.rounding == 0
    assert rounding_line(shop, posted.theirs)["product_uom_qty"] == 0


def test_what_a_person_let_pass_is_not_carried(shop: Shop) -> None:
    document = order_of(shop, "1.00")
    held(lambda: shop.send(document))
    shop.work.new_round()
    shop.work.accepted.add("total_differs")
    assert shop.send(document).rounding == 0


def test_it_is_no_line_of_the_order_for_anybody_else(shop: Shop) -> None:
    document = order_of(shop, "0.02")
    posted = shop.send(document)
    shown = shop.target.connector().shown("order", document, shop.work)
    assert shown
    assert [line["key"] for line in shown["lines"]] == ["1"]
    assert shown["amount_total"] == document["amount_total"]
    staff = Staff(shop.target)
    staff.ship(posted.theirs)
    [change] = staff.reported("pickings", posted.theirs)
    assert [line["quantity"] for line in change.document["lines"]] == [1]


@pytest.mark.parametrize("off", ["0.02", "-0.02"])
def test_it_is_billed_with_the_goods_and_not_before(shop: Shop, off: str) -> None:
    document, staff = order_of(shop, off), Staff(shop.target)
    document["lines"][0]["sku"] = shop.target.product(invoice_policy="delivery")
    posted = shop.send(document)
    assert shop.target.one("sale.order", posted.theirs or 0, "invoice_status")["invoice_status"] == "no"
    staff.ship(posted.theirs)
    staff.bill(posted.theirs)
    [change] = staff.reported("invoices", posted.theirs)
    assert (change.document["total"], change.document["order_complete"]) == (document["amount_total"], True)


def test_an_order_with_it_is_cancelled_as_any_other(shop: Shop) -> None:
    document = order_of(shop, "0.02")
    posted = shop.send(document)
    shop.work.new_round()
    assert shop.send({**document, "status": "cancelled"}) == replace(posted, rounding=Decimal(0))
    assert shop.target.one("sale.order", posted.theirs or 0, "state")["state"] == "cancel"


class RobbedWork(MemoryWork):
    """Somebody removes the order's last line in Odoo just after it was loaded."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.crossrefs)
        self._target = shop.target

    def perform(self, effect: str, request: Request, send: Callable[[Request], Any]) -> Any:
        answer = super().perform(effect, request, send)
        if effect == "order.load":
            lines = self._target.one("sale.order", answer[0], "order_line")["order_line"]
            change = {"order_line": [[2, lines[-1], 0]]}
            self._target.owner("sale.order", "write", [answer[0]], vals=change)
        return answer


def test_a_line_that_is_missing_is_noticed_though_the_total_is_right(shop: Shop) -> None:
    free = shop.line("2", "1", "0")
    document = shop.order(shop.line("1", "1", "10"), free, total="10.00")
    failure = held(lambda: shop.send(document, RobbedWork(shop)))
    assert failure.code == "lines_missing"
    assert "has 1 of the 2 lines in Odoo that the order has in Clarity" in failure.reason


def billed_in_parts(shop: Shop, seed: str, sku: str) -> tuple[RandomOrder, Decimal, Decimal]:
    """An order that is shipped and billed in two or three parts; what its invoices are off by, and may be."""
    staff = Staff(shop.target)
    order = random_order(seed, unique(), sku, longest=8)
    posted = shop.send(order.document, shop.new_work())
    parts = 2 + len(seed) % 2
    for left in range(parts, 0, -1):
        moves = staff.moves(staff.picking(posted.theirs))
        shares = [quantity_of(move, left) for move in moves]
        staff.ship(posted.theirs, *shares)
        staff.bill(posted.theirs)
    changes = staff.reported("invoices", posted.theirs)
    assert len(changes) == parts
    document = changes[-1].document
    assert document["order_complete"]
    return order, document["order_invoiced"] - order.document["amount_total"], document["order_rounding"]


def quantity_of(move: dict[str, Any], parts: int) -> float:
    """One of so many parts of what is to be shipped, in whole units where there are several."""
    quantity = float(move["product_uom_qty"])
    return quantity if parts == 1 else quantity // parts or quantity / parts


@pytest.mark.timeout(3600)
def test_invoices_of_parts_may_differ_by_their_own_rounding(
    shop: Shop, method: str, pytestconfig: pytest.Config
) -> None:
    sku = shop.target.product(invoice_policy="delivery")
    count = (pytestconfig.getoption("--rounding-orders") or 0) or (8 if isinstance(shop.target, SandboxTarget) else 4)
    found = [billed_in_parts(shop, f"parts/{number}", sku) for number in range(count)]
    off = [(order.currency, order.kind, f"{off:f}", f"{rounding:f}") for order, off, rounding in found if off]
    print(f"\n{method}: {len(found)} orders billed in parts, of {len(off)} the invoices are off:\n", *off, sep="\n")
    assert [each for each in found if abs(each[1]) > each[2]] == []
    assert all(not rounding for _, off, rounding in found if not off), "asked for without need"


@pytest.mark.live
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_sandbox_adds_up_as_odoo_does(setting: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    seeds = [f"both/{number}" for number in range(pytestconfig.getoption("--rounding-orders") or FEW)]
    carried = []
    with sandbox(tmp_path) as (url, fake):
        for target in (SandboxTarget(url, fake, "json2"), LiveTarget("auto")):
            with rounding(target, setting):
                carried.append([each.carried for each in prove(Shop(target), seeds, longest=25)])
    assert carried[0] == carried[1]
    assert any(carried[0]), "none needed a line: these orders prove nothing"
