"""Documents that benches and tests post: each is new."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document
from tests.connectors import fusion_targets, odoo_targets
from tests.connectors.odoo_staff import Staff


def odoo_product(currency: str) -> Document:
    """Goods with all that Clarity owns of them."""
    key = odoo_targets.unique()
    fields = {"name": f"Mug {key}", "default_code": f"SKU-{key}", "barcode": key, "description_sale": "Holds 0.3 l."}
    return {
        "key": f"p-{key}",
        "sku": f"SKU-{key}",
        "archived": False,
        "variants": [],
        "currency": currency,
        "tax_included": None,
        "fields": {**fields, "list_price": Decimal("12.30"), "weight": Decimal("0.355")},
        "category": "Goods",
        "on_create": {"fields": {"type": "consu", "is_storable": True}, "uom": "Units"},
    }


def odoo_return(shop: odoo_targets.Shop, staff: Staff, quantity: str = "2") -> Document:
    """A part of the first line of an order that has left comes back."""
    order = shop.two_lines()
    staff.ship(shop.send(order, shop.new_work()).theirs)
    return return_of(order["key"], quantity)


def return_of(order: str, quantity: str, location: str = "stock") -> Document:
    key = odoo_targets.unique()
    line = {"key": "1", "order_line_id": "1", "quantity": Decimal(quantity), "location": location}
    return {"key": f"ret-{key}", "order": order, "number": f"RMA-{key}", "cancelled": False, "lines": [line]}


def odoo_payment(shop: odoo_targets.Shop, amount: str = "68.49") -> Document:
    """Of an order that is posted and not billed."""
    order = shop.two_lines()
    shop.send(order, shop.new_work())
    return payment_of(shop, order, amount)


def payment_of(shop: odoo_targets.Shop, order: Document, amount: str = "68.49", **changes: Any) -> Document:
    key = f"pay-{odoo_targets.unique()}"
    return {
        "key": key,
        "order": order["key"],
        "status": "captured",
        "journal": "Bank",
        "amount": Decimal(amount),
        "currency": shop.target.currency,
        "memo": order["order"]["origin"],
        "fields": {"payment_reference": key, "date": "2026-01-02"},
        **changes,
    }


def odoo_customer() -> Document:
    """A company with an address and a contact."""
    email = f"{odoo_targets.unique()}@example.com"
    fields = {"name": "Jane Roe", "email": email, "is_company": True, "street": "Main Street 1"}
    return {
        "key": f"c-{odoo_targets.unique()}",
        "merged": [],
        "partner": {"email": email, "fields": fields, "country": "PL", "state": None},
        "on_create": {"partner": {"fields": {"ref": f"A-{odoo_targets.unique()}"}}},
        "addresses": [{"type": "delivery", "fields": {"name": "Dock", "city": "Side"}, "country": "PL", "state": None}],
        "contacts": [{"key": "p-1", "fields": {"name": "Jane Roe", "email": f"jane.roe.{email}"}}],
    }


def fusion_customer() -> Document:
    """A company that Ana works for, with another name, a phone number and an address."""
    unique = odoo_targets.unique()
    fields = {"Address1": f"Main Street {unique}", "City": "Side", "PostalCode": "00-001", "Country": "PL"}
    return {
        "key": f"c-{unique}",
        "merged": [],
        "customer": {"email": "ana@example.test", "is_company": True, "tax_number": "PL5260001246"},
        "party": {"OrganizationName": f"Roe {unique}", "RawPhoneNumber": "600 700 800"},
        "addresses": [{"kind": "billing", "primary": True, "fields": fields}],
    }


def fusion_product() -> Document:
    """Goods with all that Clarity states of them."""
    key = odoo_targets.unique()
    fields = {"ItemDescription": f"Mug {key}", "LongDescription": "Holds 0.3 l."}
    made = {"ItemClass": "Root Item Class", "Template": "Finished Goods", "PrimaryUOMValue": "Each"}
    return {
        "key": f"p-{key}",
        "archived": False,
        "statuses": {"active": "Active", "archived": "Inactive"},
        "items": [{"key": None, "sku": f"SKU-{key}", "fields": fields}],
        "on_create": {"fields": {**made, "UnitWeightQuantity": Decimal("0.355"), "WeightUOMValue": "Kilogram"}},
    }


def an_order_of(shop: fusion_targets.Shop, customer: Document) -> Document:
    """An order that the customer places, with the addresses that it has."""
    stated = {**customer["customer"], "key": customer["key"], "account_number": None}
    return shop.two_lines(customer=stated, party=customer["party"], addresses=customer["addresses"])


def new_person() -> Document:
    """As `new_company`, without a company."""
    stated, unique = new_company(), odoo_targets.unique()
    party = {"FirstName": "Jane", "LastName": f"Roe {unique}", "PartyUsageCode": "CUSTOMER"}
    return {**stated, "customer": {**stated["customer"], "is_company": False}, "party": party}


def new_company() -> Document:
    """With an address that is billed and one that is shipped to."""
    unique = odoo_targets.unique()
    fields = {"City": "Side", "PostalCode": "00-001", "Country": "PL"}
    streets = {"billing": f"Main Street {unique}", "shipping": f"Dock {unique}"}
    return {
        "key": f"c-{unique}",
        "merged": [],
        "customer": {"email": f"jane.roe.{unique}@mail.example", "is_company": True, "tax_number": None},
        "party": {"OrganizationName": f"Roe {unique}", "PartyUsageCode": "EXTERNAL_LEGAL_ENTITY"},
        "addresses": [{"kind": kind, "fields": {**fields, "Address1": line}} for kind, line in streets.items()],
    }
