"""What an Odoo shows of shipments, page by page: the sandbox's, and a real one with ``--live``."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from integration.connectors.contract import Change, Parent
from integration.connectors.odoo import Odoo, changed_rows
from integration.errors import Misconfigured
from integration.message import external_id, read_external_id
from integration.settings import System
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import SandboxTarget, Shop, Target, unique

URL = "https://odoo.example"


@pytest.fixture
def staff(target: Target) -> Staff:
    return Staff(target)


def elsewhere(protocol: str) -> Odoo:
    options = {"db": "shop", "username": "fleet", "api_key": "the-key", "protocol": protocol}
    return Odoo(System("odoo", URL, 10, 4, 5.0, options), nullcontext)


def shipped(change: Change) -> dict[str | None, Decimal]:
    """Quantities by the number of the line, None for what has none."""
    return {
        line["key"] and line["key"].rpartition("__")[2]: line["quantity"]
        for line in change.document["lines"]
        if not line["substitute"]
    }


# --- a transfer


def test_a_transfer_is_reported_when_it_has_left(shop: Shop, staff: Staff) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    assert staff.reported("pickings", posted.theirs) == []
    picking = staff.ship(posted.theirs)
    [change] = staff.reported("pickings", posted.theirs)
    key, number = document["key"], shop.target.one("stock.picking", picking, "name")["name"]
    left = shop.target.one("stock.picking", picking, "date_done")["date_done"]
    assert change == Change(
        type="shipment.changed",
        id=str(picking),
        at=change.at,
        number=number,
        parent=Parent("order", posted.theirs or "", key),
        document={
            "id": picking,
            "name": number,
            "state": "done",
            "date_done": f"{left.replace(' ', 'T')}Z",
            "carrier": None,
            "tracking": None,
            "backorder_of": None,
            "sale": posted.number,
            "lines": [
                {"key": f"order_line__{key}__1", "sku": shop.target.sku_a, "quantity": 3, "substitute": False},
                {"key": f"order_line__{key}__2", "sku": shop.target.sku_b, "quantity": 2, "substitute": False},
            ],
        },
    )
    assert timedelta(0) <= change.at - staff.since < timedelta(minutes=5)


def test_what_is_left_comes_with_another_transfer(shop: Shop, staff: Staff) -> None:
    order = shop.send(shop.two_lines()).theirs
    first = staff.ship(order, 1, 2)
    [one] = staff.reported("pickings", order)
    assert shipped(one) == {"1": 1, "2": 2}
    staff.ship(order)
    one, two = staff.reported("pickings", order)
    assert (one.id, shipped(one), shipped(two)) == (str(first), {"1": 1, "2": 2}, {"1": 2})
    assert two.document["backorder_of"] == one.number != two.number


def test_carrier_and_tracking_may_come_later(shop: Shop, staff: Staff) -> None:
    order = shop.send(shop.two_lines()).theirs
    picking = staff.ship(order)
    [before] = staff.reported("pickings", order)
    carrier = shop.target.owner("delivery.carrier", "search_read", domain=[], fields=["name"], limit=1)[0]
    reported = {"carrier_tracking_ref": "1Z1, 1Z2", "carrier_id": carrier["id"]}
    shop.target.owner("stock.picking", "write", [picking], vals=reported)
    [after] = staff.reported("pickings", order)
    assert (after.id, after.document["tracking"], after.document["carrier"]) == (before.id, "1Z1, 1Z2", carrier["name"])
    assert after.at >= before.at
    assert {**after.document, "tracking": None, "carrier": None} == before.document


def test_quantities_are_in_the_unit_that_was_ordered(shop: Shop, staff: Staff) -> None:
    pack = shop.line("1", "2", "12", uom="Pack of 6")
    order = shop.send(shop.order(pack, shop.line("2", "3", "5", sku=shop.target.sku_b, uom="Units"), total="39.00"))
    staff.ship(order.theirs, 6, 3)
    staff.ship(order.theirs)
    one, two = staff.reported("pickings", order.theirs)
    assert (shipped(one), shipped(two)) == ({"1": 1, "2": 3}, {"1": 1})


def test_moves_of_one_line_are_one(shop: Shop, staff: Staff) -> None:
    order = shop.send(shop.order(shop.line("1", "3", "10"), total="30.00")).theirs
    picking = staff.picking(order)
    staff.add_move(picking, shop.target.sku_a, 2, sale_line_id=staff.moves(picking)[0]["sale_line_id"][0])
    staff.ship(order, 1, 2)
    [change] = staff.reported("pickings", order)
    assert shipped(change) == {"1": 3}
    assert len(change.document["lines"]) == 1


def test_a_hashed_key_is_ours_without_an_id(shop: Shop, staff: Staff) -> None:
    order = shop.send({**shop.two_lines(), "key": f"{unique()}-{'x' * 60}"}).theirs
    staff.ship(order)
    [change] = staff.reported("pickings", order)
    assert change.parent.ours is None
    assert all(line["key"].startswith("order_line___h") for line in change.document["lines"])


def test_an_order_that_somebody_entered_in_odoo_is_not_ours(shop: Shop, staff: Staff) -> None:
    ours = shop.two_lines()
    partner = shop.target.one("sale.order", shop.send(ours).theirs or 0, "partner_id")["partner_id"]
    domain = [["default_code", "=", shop.target.sku_a]]
    product = shop.target.owner("product.product", "search_read", domain=domain, fields=["name"])[0]["id"]
    line = [0, 0, {"product_id": product, "product_uom_qty": 1, "price_unit": 5}]
    order = str(shop.target.create("sale.order", partner_id=partner, order_line=[line]))
    shop.target.owner("sale.order", "action_confirm", [int(order)])
    picking = staff.ship(order)
    run = list(staff.pages("pickings"))
    assert str(picking) not in {change.id for page in run for change in page.changes}
    stamp = shop.target.one("stock.picking", picking, "write_date")["write_date"]
    seen = max(page.seen for page in run if page.seen)
    assert f"{seen:%Y-%m-%d %H:%M:%S}" >= stamp


# --- page by page


def same_second(shop: Shop, staff: Staff) -> dict[str, str]:
    """Stamps of transfers by id: of those that share a second most were written last first, two in one transaction."""

    def write(*pickings: int) -> None:
        shop.target.owner("stock.picking", "write", list(pickings), vals={"carrier_tracking_ref": unique()})

    pickings = sorted(staff.ship(shop.send(shop.two_lines(), shop.new_work()).theirs) for _ in range(6))
    for _ in range(5):
        for picking in reversed(pickings):
            write(picking)
        write(*pickings[-2:])
        rows = shop.target.owner("stock.picking", "read", pickings, fields=["write_date"])
        stamps = {str(row["id"]): row["write_date"] for row in rows}
        if max(Counter(stamps.values()).values()) > 3:
            return stamps
    return pytest.fail("this machine does not write four transfers in one second")


def test_a_second_that_spans_pages_is_read_whole_and_once(
    shop: Shop, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = same_second(shop, staff)
    for size in (1, 2, 3, 5):
        monkeypatch.setattr(changed_rows, "PAGE", size)
        run = list(staff.pages("pickings"))
        reported = Counter(change.id for page in run for change in page.changes)
        assert {id: reported[id] for id in stamps} == dict.fromkeys(stamps, 1)
        assert all(len({change.document["id"] for change in page.changes}) <= size for page in run)
        times = [change.at for page in run for change in page.changes]
        assert times == sorted(times)


def test_a_run_begins_with_the_second_it_is_asked_for(shop: Shop, staff: Staff) -> None:
    order = shop.send(shop.two_lines()).theirs
    staff.ship(order)
    [change] = staff.reported("pickings", order)
    inside = change.at + timedelta(microseconds=900_000)
    for since, found in ((change.at, True), (inside, True), (change.at + timedelta(seconds=1), False)):
        run = list(staff.pages("pickings", since))
        assert (change in [each for page in run for each in page.changes]) == found


def test_a_page_takes_a_handful_of_calls(shop: Shop, staff: Staff) -> None:
    orders = [shop.send(shop.two_lines(), shop.new_work()).theirs for _ in range(3)]
    for order in orders:
        staff.ship(order)
    connector = shop.target.connector()
    connector.changes("pickings", staff.since, None, list)  # field names are kept
    shop.target.calls = 0
    page = connector.changes("pickings", staff.since, None, list)
    assert {change.parent.theirs for change in page.changes} >= set(orders)
    assert (page.next, shop.target.calls) == (None, 7)


# --- whose it is


IDS = [("1001",), ("WEB/1_é", "2"), ("",), ("a__b", "", "_"), ("_5f",), ("%41",), ("日本",)]


@pytest.mark.parametrize("ids", IDS)
def test_an_external_id_is_read_back(ids: tuple[str, ...]) -> None:
    assert read_external_id(external_id("order_line", *ids)) == ("order_line", *ids)


@pytest.mark.parametrize(
    "name", [external_id("order", "x" * 60), "order", "order__a_", "order__a-b", "order__a_5F", ""]
)
def test_what_cannot_be_read_back_is_nothing(name: str) -> None:
    assert read_external_id(name) is None


# --- an older Odoo


ODOO_16: dict[str, dict[str, Any]] = {
    "stock.picking": {
        "fields": "name state date_done backorder_id sale_id write_date",
        "rows": {
            "name": "WH/OUT/00003",
            "state": "done",
            "date_done": "2026-11-21 10:00:05",
            "backorder_id": False,
            "sale_id": [8, "S00008"],
            "write_date": "2026-11-21 10:00:05",
        },
    },
    "stock.move": {
        "fields": "picking_id picking_code product_id product_uom product_uom_qty sale_line_id quantity_done "
        "state date",
        "rows": {
            "picking_id": [1, "WH/OUT/00003"],
            "picking_code": "outgoing",
            "state": "done",
            "date": "2026-11-21 10:00:05",
            "product_uom_qty": 24.0,
            "product_id": [4, "[A] A"],
            "product_uom": [1, "Units"],
            "sale_line_id": [1, "S00008 - A"],
            "quantity_done": 18.0,
        },
    },
    "sale.order.line": {
        "fields": "order_id product_id product_uom product_uom_qty qty_delivered",
        "rows": {
            "order_id": [8, "S00008"],
            "product_id": [4, "[A] A"],
            "product_uom": [2, "Dozens"],
            "product_uom_qty": 2.0,
            "qty_delivered": 1.5,
        },
        "xmlid": "__clarity__.order_line__1001__1",
    },
    "sale.order": {"xmlid": "__clarity__.order__1001"},
    "product.product": {"fields": "default_code", "rows": {"default_code": "A"}},
    "uom.uom": {"fields": "factor factor_inv category_id", "units": [(1, 1.0), (2, 0.08333333333333333)]},
}
"""One record of each model by its names before 17, and units of measure, whose factor was the inverse of today's."""


def answer_of_16(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
    service, arguments = (json.loads(request.body or "")["params"][name] for name in ("service", "args"))
    result: Any = 5
    if service == "object":
        model, method, ids, named = arguments[3:]
        known = ODOO_16[model]
        fields = known.get("fields", "").split()
        assert set(named.get("fields", ())) <= set(fields), "Invalid field"
        if method == "fields_get":
            result = dict.fromkeys(fields, {})
        elif method == "get_external_id":
            result = {str(id): known["xmlid"] for id in ids[0]}
        elif model == "uom.uom":
            result = [{"id": id, "factor": factor, "category_id": [1, "Unit"]} for id, factor in known["units"]]
        else:
            result = [{"id": id, **known["rows"]} for id in (ids[0] if method == "read" else [1])]
    return 200, {"Content-Type": "application/json"}, json.dumps({"jsonrpc": "2.0", "id": 1, "result": result})


@responses.activate
def test_before_17_other_names_and_units_mean_the_same() -> None:
    responses.add_callback("POST", f"{URL}/jsonrpc", answer_of_16)
    page = elsewhere("jsonrpc").changes("pickings", datetime(2026, 11, 21, tzinfo=UTC), None, list)
    [change] = page.changes
    assert (change.parent.theirs, change.parent.ours, shipped(change)) == ("8", "1001", {"1": Decimal("1.5")})
    assert (change.at, page.seen) == (datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),) * 2
    assert (change.document["carrier"], change.document["tracking"]) == (None, None)


# --- what stands in the way


@pytest.mark.parametrize(("stream", "model"), [("pickings", "stock.picking"), ("invoices", "account.move")])
def test_a_missing_right_is_reported(shop: Shop, stream: str, model: str) -> None:
    if isinstance(shop.target, SandboxTarget):
        shop.target.fake.fail_next("odoo.exceptions.AccessError", model=model, method="search_read")
        connector = shop.target.connector()
    elif stream == "invoices":
        connector = stock_user(shop.target)
    else:
        pytest.skip("who may read orders may read their transfers")
    with pytest.raises(Misconfigured) as raised:
        connector.changes(stream, datetime.now(UTC), None, list)
    assert f"the {stream} cannot be read" in raised.value.reason
    assert "Inventory / User" in (raised.value.hint or "")


def stock_user(target: Target) -> Odoo:
    group = target.owner("ir.model.data", "check_object_reference", module="stock", xml_id="group_stock_user")[1]
    name, password = unique(), unique()
    target.create("res.users", name=name, login=name, password=password, group_ids=[[6, 0, [group]]])
    return target.connector(protocol="jsonrpc", username=name, api_key=password)


ABSENT = {
    "json2": (404, {"name": "werkzeug.exceptions.NotFound", "message": "the model 'stock.picking' does not exist"}),
    "jsonrpc": (
        200,
        {
            "error": {
                "code": 0,
                "message": "Odoo Server Error",
                "data": {"name": "odoo.exceptions.UserError", "message": "Object stock.picking doesn't exist"},
            }
        },
    ),
}


@responses.activate
@pytest.mark.parametrize("protocol", ABSENT)
def test_an_odoo_without_stock_ships_nothing(protocol: str) -> None:
    """Both answers are recorded from Odoo 19.0 Community."""
    status, body = ABSENT[protocol]
    responses.post(f"{URL}/json/2/stock.picking/fields_get", json=body, status=status)
    responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "result": 5})
    responses.post(f"{URL}/jsonrpc", json=body)
    page = elsewhere(protocol).changes("pickings", datetime.now(UTC), None, list)
    assert (page.changes, page.seen, page.next) == ((), None, None)


def test_what_clarity_takes_off_an_order_is_not_shipped(shop: Shop, staff: Staff) -> None:
    """Odoo leaves its transfer as it is, and makes a receipt of the difference, unless the dates of both agree."""
    more, other = shop.line("1", "4", "10"), shop.line("2", "1", "10", sku=shop.target.sku_b)
    placed = shop.order(more, other, total="50.00")
    placed["order"]["date_order"] = "2026-11-01 10:00:00"
    theirs = shop.send(placed).theirs
    less = {**placed, "lines": [shop.line("1", "1", "10")], "amount_total": Decimal("10.00")}
    shop.send(less, shop.new_work())
    wanted = {move["product_uom_qty"] for move in staff.moves(staff.picking(theirs)) if move["product_uom_qty"]}
    assert wanted == {1.0}
    assert shop.target.one("sale.order", theirs, "date_order")["date_order"] == "2026-11-01 10:00:00"
