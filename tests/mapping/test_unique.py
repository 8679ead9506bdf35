"""Two rows with one id are held where they come in: nothing that is later kept by its id loses one of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.canonical import check_order, load
from integration.canonical.unique import KEYED, by_key
from integration.connectors.fusion.order.difference import _same_charges
from integration.errors import Hold
from integration.rules.workflow import load_definitions
from mappings import FOLDER
from tests.mapping.shop import order

DEFINITIONS = load_definitions(FOLDER)
CLARITY = DEFINITIONS.mapping("clarity.in.order")
LINE = order()["lines"][0]
SHIPPING = order()["shippingLines"][0] | {"id": "s"}
TAXES = LINE["taxes"] * 2


def held(kind: str, document: dict[str, Any]) -> Hold:
    with pytest.raises(Hold) as caught:
        load(kind, document)
    assert caught.value.code == "duplicate_id"
    return caught.value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": [LINE, LINE | {"sku": "OTHER"}]}, "lines.0 and lines.1 of the clarity.order have the same id: '1'"),
        ({"lines": [LINE, LINE | {"id": "2"}, LINE | {"id": 2}]}, "lines.1 and lines.2 of the clarity.order have"),
        ({"shippingLines": [SHIPPING, SHIPPING]}, "shippingLines.0 and shippingLines.1 of the clarity.order"),
        ({"fees": [{"id": 7, "amount": "0.50"}] * 2}, "fees.0 and fees.1 of the clarity.order have the same id: '7'"),
        ({"discounts": [{"id": "d", "amount": "0.10"}] * 2}, "discounts.0 and discounts.1 of the clarity.order"),
        (
            {"payments": order()["payments"] * 2},
            "payments.0 and payments.1 of the clarity.order have the same id",
        ),
        ({"refunds": [{"id": "r", "amount": "1.00"}] * 2}, "refunds.0 and refunds.1 of the clarity.order"),
        ({"lines.0.taxes": TAXES}, "lines.0.taxes.0 and lines.0.taxes.1 of the order have the same code and rate"),
        ({"shippingLines.0.taxes": TAXES}, "shipping_lines.0.taxes.0 and shipping_lines.0.taxes.1 of the order"),
        ({"fees.0.taxes": TAXES}, "fees.0.taxes.0 and fees.0.taxes.1 of the order have the same code and rate"),
    ],
)
def test_an_order_with_two_rows_of_one_id_is_held(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Hold) as caught:
        CLARITY(order(changes))
    assert caught.value.code == "duplicate_id"
    assert caught.value.reason.startswith(reason)
    assert caught.value.hint
    assert caught.value.hint.startswith("Correct {origin}, so that each has its own")


def test_rows_without_id_and_taxes_of_other_rates_may_be_many() -> None:
    fee = {"code": "WRAP", "amount": "0.25"}
    CLARITY(order({"fees": [fee, fee], "shippingLines": [SHIPPING | {"id": None}] * 2}))
    CLARITY(order({"lines.0.taxes": [TAXES[0], TAXES[0] | {"rate": "0.05"}]}))


def test_a_cancellation_arrives_whatever_its_rows_are() -> None:
    check_order(CLARITY(order({"status": "cancelled", "lines": [LINE, LINE]})))


@pytest.mark.parametrize("erp", ["odoo", "fusion"])
def test_a_line_may_not_have_the_name_that_a_charge_gets(erp: str) -> None:
    """Shipping, fees and discounts have no id of their own: mappings number them."""
    canonical = CLARITY(order({"lines.0.id": "shipping-1"}))
    with pytest.raises(Hold, match=r"lines\.0 and (lines|charges)\..* have the same key: 'shipping-1'"):
        DEFINITIONS.mapping(f"{erp}.out.order").apply(canonical)


KNOWN = {"id": "1", "quantity": "1", "left": "1", "keys": ["1"]}
OF_AN_ORDER = {
    "object_id": "odoo-1/1",
    "source": "odoo-1",
    "state": "done",
    "order": {"id": "1001", "currency": "EUR", "amount": "1", "lines": [KNOWN, KNOWN]},
    **dict.fromkeys(("currency", "total", "residual", "order_invoiced", "InvoiceStatus"), "1"),
    **dict.fromkeys(("InvoiceCurrencyCode", "EnteredAmount", "InvoiceBalanceAmount"), "1"),
    "order_complete": True,
}


@pytest.mark.parametrize("kind", ["odoo.shipment", "odoo.invoice", "fusion.shipment", "fusion.invoice"])
def test_so_is_what_the_erps_bring(kind: str) -> None:
    assert held(kind, OF_AN_ORDER).reason.startswith("order.lines.0 and order.lines.1")


def test_so_are_the_lines_of_shipments() -> None:
    line = {"order_line_id": "1", "sku": None, "quantity": "1"}
    shipment = {"id": "s", "order_id": "1", "source": "odoo-1", "status": "shipped", "lines": [line, line]}
    assert held("shipment", shipment).reason.startswith("lines.0 and lines.1 of the shipment")
    body = {"lines": [{"orderLineId": "1", "quantity": Decimal(1)}] * 2}
    assert held("clarity.shipment", {"order_id": "1", "body": body}).reason.startswith("body.lines.0 and body.lines.1")


@pytest.mark.parametrize("rows", ["addresses", "contacts"])
def test_so_are_the_addresses_and_contacts_of_a_customer(rows: str) -> None:
    customer = {"id": "c-77", "version": 1, rows: [{"id": "1", "kind": "billing"}] * 2}
    assert held("clarity.customer", customer).reason.startswith(f"{rows}.0 and {rows}.1 of the clarity.customer")


def test_every_kind_of_document_that_has_such_rows_is_known() -> None:
    kinds = {
        end for each in DEFINITIONS.workflows for mapping in each.transform for end in (mapping.source, mapping.target)
    }
    without_ids = {"invoice", "clarity.invoice"}
    without_ids |= {"odoo.customer", "fusion.customer", "fusion.account", "clarity.customer_update"}
    without_ids |= {"odoo.product", "fusion.product", "clarity.product_update"}
    without_ids |= {"payment", "clarity.payment", "odoo.payment"}
    without_ids |= {"stock_level", "clarity.stock_level", "odoo.stock_level"}
    assert kinds - set(KEYED) == without_ids, "documents without rows that are known by an id"
    assert set(KEYED) <= kinds


def test_rows_are_kept_by_a_key_or_held() -> None:
    assert by_key(["a", "bb"], len) == {1: "a", 2: "bb"}
    with pytest.raises(Hold, match="two lines of the order have the id '1'"):
        by_key(["a", "b"], len)


ROOT = Path(__file__).parents[2]
ROWS = {"lines", "charges", "payments", "taxes", "fees", "discounts", "shipping_lines", "refunds"}
CHECKED = {"fulfilment.py": "order"}
"""Where rows are kept by an id without `by_key`, and the document in which that id was checked before."""


def kept_by_an_id(path: Path) -> Iterator[ast.DictComp]:
    """What makes a dict of a document's rows, where a second row with one id would take the place of the first."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.DictComp):
            named = [each.value for each in ast.walk(node.generators[0].iter) if isinstance(each, ast.Constant)]
            if ROWS.intersection(str(name) for name in named):
                yield node


def test_rows_are_kept_by_an_id_only_where_it_was_checked() -> None:
    sources = [path for top in ("integration", "tasks") for path in (ROOT / top).rglob("*.py")]
    found = [path.name for path in sources if "sandbox" not in path.parts for _ in kept_by_an_id(path)]
    assert sorted(set(found)) == sorted(CHECKED), "keep them with by_key, or check them where they come in"
    assert set(CHECKED.values()) <= set(KEYED)


def test_a_charge_that_is_twice_in_fusion_is_a_difference() -> None:
    charge = {"SourceChargeId": "1", "chargeComponents": []}
    assert _same_charges([charge], [charge])
    assert not _same_charges([charge], [charge, charge])
