"""What Odoo promises to answer, method by method, and field by field of what is read (Odoo 14 to 19).

``read`` and ``search_read`` answer every field they were asked for: a many2one is ``[id, name]`` (with ``load=None``
the id), x2many is a list of ids, and what is empty is False, never null; a number and a boolean are never empty.  The
kind of a field follows from its name by Odoo's own convention (``_id``, ``_ids``), or is listed below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integration.connectors.answers import Rows, objects
from integration.connectors.contract import Request
from integration.connectors.odoo.decode import moment

LARGEST_NUMBER = 10**15
"""Beyond it a float keeps no cents."""
LARGEST_ID = 2**53
LONGEST_LEAD = 10_000
"""Days."""
NUMBERS = {
    *("amount", "amount_total", "amount_tax", "amount_residual", "amount_untaxed", "price_unit", "price_total"),
    *("price_subtotal", "discount", "product_uom_qty", "quantity", "quantity_done", "qty_delivered", "qty_invoiced"),
    *("qty_to_invoice", "factor", "relative_factor", "customer_lead", "list_price", "weight"),
    *("product_variant_count", "amount_residual_currency"),
}
DOCUMENTS = {"invoice_payments_widget"}
FLAGS = {"is_company", "is_delivery", "active", "is_storable"}
IDS = {"order_line", "tax_id", "taxes_id", "supplier_taxes_id", "groups_id"}
ONES = {"product_uom", "country_of_origin"}
TEXTS = {
    *("name", "display_name", "login", "code", "default_code", "state", "payment_state", "invoice_status"),
    "carrier_tracking_ref",
    "hs_code",
}
MOMENTS = {"write_date", "date_order", "date_done", "date_deadline"}
REQUIRED = {
    *(("sale.order", name) for name in ("name", "state", "currency_id", "partner_id", "company_id")),
    *(("stock.picking", name) for name in ("state", "sale_id", "write_date")),
    *(("account.move", name) for name in ("state", "currency_id", "write_date")),
    *(("stock.move", name) for name in ("picking_id", "product_id", "product_uom")),
    *(("product.pricelist", "currency_id"), ("res.company", "currency_id"), ("res.users", "company_id")),
    *(("res.users", "login"), ("sale.order.line", "order_id"), ("account.move.line", "move_id")),
    *(("product.product", name) for name in ("uom_id", "product_tmpl_id", "type")),
    *(("account.payment", name) for name in ("state", "currency_id", "partner_id")),
    *(("sale.order", "partner_invoice_id"), ("res.partner", "commercial_partner_id")),
    *(("account.tax", "name"), ("delivery.carrier", "name"), ("uom.uom", "factor")),
}
"""Model and field: what is never empty there."""


def meaning(request: Request) -> Callable[[Any], Any]:
    """What reads the answer to this call; it raises one of `answers.ODD` for an answer that Odoo does not give."""
    model, method = request.path.split("/")[-2:]
    match method:
        case "read" | "search_read":
            return lambda answer: Rows(_row(model, row, request.body) for row in objects(answer))
        case "web_read":
            return lambda answer: Rows(_nested(model, row, request.body) for row in objects(answer))
        case "load":
            return lambda answer: _loaded(answer, request.body)
        case "get_external_id":
            return lambda answer: _names(answer, request.body)
    return READ.get(method, lambda answer: answer)


def identity(value: Any) -> int:
    """A record's id; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < LARGEST_ID:
        raise ValueError("not an id")
    return value


def _row(model: str, row: Any, asked: Mapping[str, Any]) -> Any:
    identity(row["id"])
    if "ids" in asked and row["id"] not in asked["ids"]:
        raise ValueError("a row that was not asked for")
    for field in asked["fields"]:
        _check(model, field, row[field], plain=asked.get("load", "") is None)
    return row


def _nested(model: str, row: Any, asked: Mapping[str, Any]) -> Any:
    """A row of ``web_read``: a reference is an id, or an object where some of its fields were asked for."""
    if identity(row["id"]) not in asked["ids"]:
        raise ValueError("a row that was not asked for")
    for field, inner in asked["specification"].items():
        if row[field] is False or not inner:
            _check(model, field, row[field], plain=True)
        else:
            _check(model, field, row[field]["id"], plain=True)
            for name in inner["fields"]:
                _check("", name, row[field][name], plain=True)
    return row


def _check(model: str, field: str, value: Any, *, plain: bool) -> None:
    required = (model, field) in REQUIRED
    if field in NUMBERS:
        _number(value, LONGEST_LEAD if field == "customer_lead" else LARGEST_NUMBER, nonzero=required)
    elif field in FLAGS:
        _flag(value)
    elif value is False and field not in IDS and not field.endswith("_ids"):
        if required:
            raise ValueError("empty")
    elif field in MOMENTS:
        moment(value)
    elif field in TEXTS:
        _text(value)
    elif field in IDS or field.endswith("_ids"):
        _each(identity, value)
    elif field in ONES or (field.endswith("_id") and not field.startswith("x_")):
        _one(value, plain)
    elif field in DOCUMENTS:
        _settled(value)
    elif value is None or isinstance(value, dict):
        raise TypeError("neither a value nor empty")


def _settled(value: Any) -> None:
    """What has settled an invoice: a document since Odoo 16, a text of JSON before."""
    shown = json.loads(value) if isinstance(value, str) else value
    for each in objects(shown["content"]) if shown else ():
        identity(each["move_id"])
        _number(Decimal(str(each["amount"])), LARGEST_NUMBER, nonzero=False)


def _number(value: Any, largest: int, *, nonzero: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or abs(Decimal(value)) >= largest:
        raise ValueError("not a number")
    if nonzero and not value:
        raise ValueError("zero")


def _one(value: Any, plain: bool) -> None:
    if plain or not isinstance(value, list):
        identity(value)
        return
    id, name = value
    identity(id)
    if name is not False:
        _text(name)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _each(check: Callable[[Any], Any], value: Any) -> Rows:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return Rows(check(each) for each in value)


def _loaded(answer: Any, asked: Mapping[str, Any]) -> Any:
    """One id for each row that has an external id, or False and messages.

    Rows of one external id are one record, and so are those of records that were merged: their ids are equal.
    """
    ids, messages = answer["ids"], objects(answer["messages"])
    for message in messages:
        _text(message["message"])
    if ids or ids == []:
        _each(identity, ids)
        place = place_of_id(asked["fields"])
        names = [row[place] for row in asked["data"] if row[place]] if place is not None else ids
        if len(ids) != len(names) or len(set(ids)) != len(set(names)):
            raise ValueError("not as many records as rows")
    elif ids is not False or not messages:
        raise ValueError("neither ids nor messages")
    return answer


def place_of_id(fields: Sequence[str]) -> int | None:
    """The column of a ``load()`` in which a row names its record: by external id, or by the id in the database."""
    return next((place for place, field in enumerate(fields) if field in ("id", ".id")), None)


def _names(answer: Any, asked: Mapping[str, Any]) -> Any:
    """A name for each record that was asked for, empty where it has none."""
    if {identity(int(id)) for id in answer} != set(asked["ids"]):
        raise ValueError("other records than were asked for")
    for name in answer.values():
        _text(name)
    return answer


def _context(answer: Any) -> Any:
    identity(answer["uid"])
    return answer


def _reference(answer: Any) -> Any:
    """Model and id; False instead of an id where the record is gone and its external id is not."""
    model, id = answer
    _text(model)
    if id is not False:
        identity(id)
    return answer


def _fields(answer: Any) -> Any:
    if not answer or not all(isinstance(each, dict) for each in answer.values()):
        raise ValueError("no fields")
    return answer


def _action(answer: Any) -> Any:
    """True, or a window that asks something first."""
    if answer is not True and not (isinstance(answer, dict) and answer):
        raise ValueError("neither done nor a window")
    return answer


READ: Mapping[str, Callable[[Any], Any]] = {
    "context_get": _context,
    "check_object_reference": _reference,
    "fields_get": _fields,
    "formatted_read_group": objects,
    "has_access": _flag,
    "check_access_rights": _flag,
    "has_group": _flag,
    "action_confirm": _action,
}
