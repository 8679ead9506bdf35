"""The fake Odoo gives the answers that were recorded from the real one.

Each recorded request is sent as it was recorded to a fake that holds the same records; the answer must have the same
status and the same body, times apart.  Where the real database had a longer history (its ids had gaps), only the
shape of the answer is compared.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from integration.sandbox.odoo import Odoo
from integration.sandbox.odoo.database import Database
from integration.sandbox.odoo.errors import SERIALIZATION_FAILURE
from tests.sandbox.odoo_rig import RECORDED, Served

API_KEY = "<API_KEY of clarity-int>"


def names(text: str) -> list[str]:
    return text.split()


PROTOCOL = names(
    """
    web_version json_version web_health json2_404_path json2_get_method json2_no_auth json2_bad_key json2_no_db_header
    json2_wrong_db_header json2_wrong_content_type json2_malformed_json json2_body_array json2_null_body
    json2_ids_on_model_method json2_missing_required_arg json2_unknown_kwarg json2_unknown_kwarg_search_count
    json2_unknown_method json2_unknown_model json2_private_method json2_positional_not_supported
    json2_access_error_field_or_admin_model json2_model_data_create_as_int_user json2_model_data_lookup_int_user
    json2_company_context_wrong json2_context_get json2_search_count_ok json2_search_count_limit
    json2_company_read json2_country_lookup json2_state_lookup json2_currency_lookup json2_tax_lookup
    json2_pricelist_lookup json2_delivery_carrier_lookup json2_product_type_product_old_value
    json2_fields_get_sale_order json2_unknown_field_domain json2_unknown_field_read json2_search_order_bad
    jsonrpc_get jsonrpc_malformed_json jsonrpc_common_version jsonrpc_authenticate_apikey
    jsonrpc_authenticate_bad_password jsonrpc_authenticate_wrong_db jsonrpc_login_bad_password
    jsonrpc_execute_bad_password jsonrpc_execute_wrong_db jsonrpc_fields_get_sale_order jsonrpc_unknown_service
    jsonrpc_unknown_field jsonrpc_unknown_method jsonrpc_unknown_model jsonrpc_private_method
    jsonrpc_missing_record_read jsonrpc_missing_record_write jsonrpc_partner_create_no_name
"""
)

STORY = names(
    """
    json2_partner_by_email_none json2_partner_create_company json2_partner_create_contact json2_partner_create_delivery
    json2_partner_create_invoice_address json2_partner_by_email_found json2_partner_by_email_normalized
    json2_partner_read_default json2_partner_read_load_null json2_partner_read_missing_record
    json2_partner_read_mixed_missing json2_partner_address_get json2_partner_write json2_partner_write_empty_ids
    json2_partner_write_missing_record json2_many_ids json2_partner_create_no_name json2_unknown_field_create
    json2_partner_bad_type json2_partner_bad_state json2_multi_create_one_bad_all_rolled_back
    json2_after_rollback_count json2_load_bad_row json2_load_partner_count jsonrpc_partner_search_read
    json2_sale_order_create json2_sale_order_read_draft json2_sale_order_lines json2_sale_order_confirm
    json2_sale_order_read_confirmed json2_sale_order_confirm_again json2_sale_order_find_by_origin
    json2_sale_order_find_by_ref json2_picking_moves json2_context_lang_tz json2_order_confirmed_line_remove
    json2_picking_set_tracking json2_order_no_tax_create json2_order_no_tax_read json2_order_duplicate_client_ref
    json2_order_cancel json2_order_cancel_read json2_order_unlink_as_sales json2_order_line_missing_product
    json2_order_missing_partner json2_order_tax_id_old_name json2_order_unknown_line_field
    json2_order_bad_date_format json2_load_order_external_id json2_load_order_external_id_again
    json2_check_object_reference json2_check_object_reference_missing json2_load_confirm_then_load_again
    json2_load_on_confirmed_order json2_message_post json2_domain_iso_z
"""
)
"""In this order, on one fake: each builds on what the earlier ones left."""

DELIVERED_AND_BILLED = names(
    """
    json2_picking_button_validate json2_sale_order_after_delivery json2_move_set_quantity_partial json2_move_set_picked
    json2_picking_validate_partial_returns_backorder_wizard json2_picking_validate_partial_skip_backorder
    json2_pickings_after_partial json2_backorder_moves json2_sale_order_after_partial_delivery
    json2_backorder_validate json2_sale_order_after_full_delivery json2_sale_order_lines_after_delivery
    json2_picking_validate_again web_search_read_picking json2_picking_set_tracking_after_done
    json2_confirmed_line_change_delivered json2_invoice_wizard_create_as_sales
    json2_invoice_wizard_create_invoices_as_sales json2_invoice_from_order json2_invoice_read_draft_as_sales
    json2_invoice_post_as_admin json2_invoice_post_again json2_invoice_read_posted_as_sales
    json2_payment_register_create json2_payment_register_do json2_invoice_read_paid json2_payment_state_poll
    json2_invoice_wizard_again_nothing_to_invoice json2_invoice_wizard_again_create_invoices
    json2_order_cancel_delivered
"""
)
"""After the order of the story was confirmed and its transfer got a tracking number."""

SHAPES = names(
    """
    json2_multi_create json2_partner_create_singleton_dict json2_partner_bad_vat jsonrpc_partner_create
    jsonrpc_partner_create_list json2_domain_date_only json2_domain_iso_T json2_domain_relative
"""
)
"""Ids and counts of these depend on the recorded database's history: same status, same keys, same types."""

CURSORS = names(
    """
    cursor_read cursor_ge_same_second cursor_eq_same_second cursor_le_same_second cursor_gt_same_second
    cursor_gt_microseconds cursor_composite picking_state_and_date_done
"""
)

ORDER_ID = {"json2_order_no_tax_create": 4, "json2_load_order_external_id": 17}
"""The ids these orders got; others had been created in between."""


RECORDED_AT = datetime(2026, 11, 21, 0, 10, tzinfo=UTC)
"""The day of the recording: invoices are dated, numbered and due by it."""
BEGUN = time.monotonic()


def clock() -> datetime:
    """The recording's clock, which runs as ours does."""
    return RECORDED_AT + timedelta(seconds=time.monotonic() - BEGUN)


def recorded(name: str) -> dict[str, Any]:
    exchange: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return exchange


def replay(fake: Served, name: str) -> tuple[Any, Any]:
    """(what the fake answered, what was recorded), each status and body."""
    exchange = recorded(name)
    request, response = exchange["request"], exchange["response"]
    body = request.get("body")
    answer = requests.request(
        request["method"],
        fake.url + request["path"],
        headers={name: value.replace("of admin>", "of clarity-int>") for name, value in request["headers"].items()},
        data=body if isinstance(body, str) or body is None else json.dumps(body),
        timeout=10,
    )
    is_json = answer.headers["Content-Type"].startswith("application/json")
    got = answer.json() if is_json else answer.text
    expected_type = response["headers"]["Content-Type"]
    return (answer.headers["Content-Type"], answer.status_code, got), (
        expected_type,
        response["status"],
        response["body"],
    )


def masked(value: Any) -> Any:
    """Without what no two servers share: times, tracebacks, the database's port, numbers of later orders."""
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items() if key != "debug"}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", "<time>", value)
        return re.sub(r"port \d+|\bS000(?!01)\d\d\b", "<number>", value)
    return value


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key not in ("debug", "id")}
    if isinstance(value, list | tuple):
        return [shape(item) for item in value]
    return type(value).__name__


def recorded_world(database: Database, username: str) -> None:
    """The records the recording started with: a new database in US dollars, its company, catalogue and users."""
    add = database.insert
    at = {"create_date": "2026-11-21 00:08:00.000000", "write_date": "2026-11-21 00:08:00.000000", "active": True}
    add("res.currency", {**at, "name": "USD", "rounding": 0.01})
    add("res.country", {**at, "id": 233, "name": "United States", "code": "US"})
    add("res.country.state", {**at, "id": 52, "name": "Texas", "code": "TX", "country_id": 233})
    rounding = {"tax_calculation_rounding_method": "round_globally", "account_sale_tax_id": 1}
    add("res.company", {**at, "name": "My Company", "currency_id": 1, **rounding})
    for id in range(1, 11):
        archived = id in (2, 4, 5)
        add("res.partner", {**at, "name": f"Partner {id}", "is_company": id == 1, "active": not archived})
    add("res.users", {**at, "id": 5, "login": username, "name": "Clarity Integration", "lang": "en_US"})
    add("crm.team", {**at, "name": "Sales"})
    add("stock.warehouse", {**at, "name": "My Company", "code": "WH"})
    for place, usage in (("WH/Stock", "internal"), ("Customers", "customer")):
        add("stock.location", {**at, "name": place.rpartition("/")[2], "complete_name": place, "usage": usage})
    add("stock.picking.type", {**at, "id": 2, "name": "Delivery Orders", "code": "outgoing", "warehouse_id": 1})
    add("uom.uom", {**at, "name": "Units"})
    _recorded_catalogue(database, at)
    database.insert("stock.move", {**at, "id": 2, "state": "cancel"})


def _recorded_catalogue(database: Database, at: dict[str, Any]) -> None:
    tax = {
        **at,
        "amount_type": "percent",
        "type_tax_use": "sale",
        "price_include": False,
        "sequence": 1,
        "company_id": 1,
    }
    database.insert("account.tax", {**tax, "id": 1, "name": "15%", "amount": 15.0})
    database.insert("account.tax", {**tax, "id": 3, "name": "0% Exports", "amount": 0.0})
    for id, code, name, price, type in (
        (1, "Delivery_007", "Standard delivery", 0.0, "service"),
        (2, "HB-M8", "Hex Bolt M8", 2.5, "consu"),
        (3, "SP-100", "Steel Plate", 100.0, "consu"),
        (7, "SHIP-GROUND", "Ground shipping", 0.0, "service"),
    ):
        goods = {"default_code": code, "name": name, "list_price": price, "type": type, "taxes_id": [1], "uom_id": 1}
        database.insert("product.product", {**at, "id": id, **goods})
    fixed = {**at, "delivery_type": "fixed", "integration_level": "rate_and_ship"}
    database.insert("delivery.carrier", {**fixed, "name": "Standard delivery", "product_id": 1, "sequence": 1})
    url = "https://track.example/<shipmenttrackingnumber>"
    database.insert(
        "delivery.carrier", {**fixed, "name": "UPS Ground", "product_id": 7, "sequence": 2, "tracking_url": url}
    )


def done_pickings(database: Database, username: str) -> None:
    """Two transfers done within one second, as the recorded polls found them."""
    recorded_world(database, username)
    for micro in ("618040", "731112"):
        at = {"write_date": f"2026-11-21 00:10:01.{micro}", "date_done": "2026-11-21 00:10:01"}
        database.insert("stock.picking", {**at, "state": "done", "name": "WH/OUT/0000"})


def of_the_recording(folder: Path, seed_records: Callable[[Database, str], None] = recorded_world) -> Odoo:
    """A fake that holds the records of the recorded database, on the day of the recording."""
    return Odoo(folder, "clarity_test", "clarity-int", API_KEY, seed_records, clock=clock)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    odoo = of_the_recording(tmp_path_factory.mktemp("odoo"))
    with Served(odoo) as served:
        yield served


@pytest.fixture(scope="module")
def fake_with_done_pickings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    odoo = of_the_recording(tmp_path_factory.mktemp("odoo"), done_pickings)
    with Served(odoo) as served:
        yield served


@pytest.mark.parametrize("name", PROTOCOL)
def test_the_protocol_is_odoos(fake: Served, name: str) -> None:
    got, expected = replay(fake, name)
    assert masked(got) == masked(expected)


def test_an_orders_story_is_odoos(tmp_path: Path) -> None:
    odoo = of_the_recording(tmp_path)
    with Served(odoo) as served:
        for name in STORY:
            while name in ORDER_ID and odoo.database.next_id("sale.order") < ORDER_ID[name] - 1:
                pass
            got, expected = replay(served, name)
            compared = shape if name == "json2_message_post" else masked
            assert compared(got) == compared(expected), name


def test_its_delivery_and_its_bill_are_odoos(tmp_path: Path) -> None:
    confirmed = STORY[: STORY.index("json2_picking_set_tracking") + 1]
    with Served(of_the_recording(tmp_path)) as served:
        for name in confirmed:
            replay(served, name)
        for name in DELIVERED_AND_BILLED:
            got, expected = replay(served, name)
            assert masked(got) == masked(expected), name


@pytest.mark.parametrize("name", SHAPES)
def test_answers_with_ids_of_their_own_have_odoos_shape(fake: Served, name: str) -> None:
    got, expected = replay(fake, name)
    assert shape(got) == shape(expected)
    assert got[:2] == expected[:2]


@pytest.mark.parametrize("name", CURSORS)
def test_dates_compare_in_whole_seconds(fake_with_done_pickings: Served, name: str) -> None:
    got, expected = replay(fake_with_done_pickings, name)
    assert got == expected


@pytest.mark.parametrize(
    "name", ["json2_serialization_failure_after_5_tries", "jsonrpc_serialization_failure_after_5_tries"]
)
def test_a_write_conflict_on_request_looks_like_odoos(fake: Served, name: str) -> None:
    fake.odoo.fail_next(SERIALIZATION_FAILURE)
    got, expected = replay(fake, name)
    assert masked(got) == masked(expected)


def test_a_lost_import_on_request_looks_like_odoos(fake: Served) -> None:
    lost = json.loads((RECORDED / "concurrency_load_same_external_id.json").read_text(encoding="utf-8"))[1]
    fake.odoo.fail_next("load_conflict")
    status, answer = fake.call("res.partner", "load", fields=["id", "name"], data=[["__clarity__.lost", "Lost"]])
    assert [status, str(answer).replace("\\n", "\\n")] == lost
    assert fake.call("res.partner", "search_count", domain=[["name", "=", "Lost"]]) == (200, 0)


AMOUNTS: dict[str, Any] = json.loads((RECORDED / "amounts.json").read_text(encoding="utf-8"))
"""What Odoo computed for orders of every kind of tax, discount and currency."""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(Odoo(tmp_path_factory.mktemp("odoo"), "shop", "fleet", "key")) as served:
        yield served


@pytest.mark.parametrize("case", AMOUNTS["round_globally"], ids=lambda case: case["case"])
def test_amounts_rounded_globally(seeded: Served, case: dict[str, Any]) -> None:
    seeded.round_taxes("round_globally")
    order = seeded.place(case["lines"], currency=case["currency"])
    assert [order[f"amount_{part}"] for part in ("untaxed", "tax", "total")] == [
        case[part] for part in ("untaxed", "tax", "total")
    ]
    lines = [(line["price_subtotal"], line["price_total"]) for line in order["lines"]]
    assert lines == [(line["subtotal"], line["total"]) for line in case["lines"]]


@pytest.mark.parametrize("case", AMOUNTS["round_globally"], ids=lambda case: case["case"])
def test_one_invoice_of_an_order_comes_to_its_amounts(seeded: Served, case: dict[str, Any]) -> None:
    seeded.round_taxes("round_globally")
    order = seeded.place(case["lines"], currency=case["currency"])
    seeded.ask("sale.order", "action_confirm", ids=[order["id"]])
    assert seeded.bill(order["id"]) == [case["untaxed"], case["tax"], case["total"]]


@pytest.mark.parametrize("case", AMOUNTS["billed_in_two_parts"], ids=lambda case: case["case"])
def test_each_invoice_of_a_part_is_rounded_for_itself(tmp_path: Path, case: dict[str, Any]) -> None:
    [order] = [order for order in AMOUNTS["round_globally"] if order["case"] == case["case"]]
    with Served(Odoo(tmp_path, "shop", "fleet", "key")) as odoo:
        odoo.round_taxes("round_globally")
        product = odoo.id_of("product.product", ["default_code", "=", "SKU-1"])
        odoo.ask("product.product", "write", ids=[product], vals={"invoice_policy": "delivery"})
        id = odoo.place(order["lines"], currency=order["currency"])["id"]
        odoo.ask("sale.order", "action_confirm", ids=[id])
        odoo.ship(id, 1)
        first = odoo.bill(id)
        odoo.ship(id)
        assert [first, odoo.bill(id)] == case["invoices"]


@pytest.mark.parametrize("line", AMOUNTS["round_per_line"], ids=lambda line: "{price_unit}-{taxes}".format(**line))
def test_amounts_rounded_per_line(seeded: Served, line: dict[str, Any]) -> None:
    seeded.round_taxes("round_per_line")
    order = seeded.place([line, line], currency="EUR")
    for placed in order["lines"]:
        assert (placed["price_subtotal"], placed["price_total"]) == (line["subtotal"], line["total"])
    assert order["amount_total"] == round(2 * line["total"], 2)
