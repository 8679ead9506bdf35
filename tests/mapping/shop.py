"""One small order as Clarity sends it, right in every sum, and a way to change a part of it."""

from __future__ import annotations

import copy
from typing import Any


def order(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """An order of two bottles by a guest; ``changes`` maps dotted paths to new values."""
    made = copy.deepcopy(ORDER)
    for path, value in (changes or {}).items():
        put(made, path, value)
    return made


def put(document: Any, path: str, value: Any) -> None:
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in parents:
        document = document[key]
    document[last] = value


ORDER: dict[str, Any] = {
    "id": "1001",
    "number": "WEB-1001",
    "version": 3,
    "status": "confirmed",
    "paymentStatus": "paid",
    "placedAt": "2026-11-20T10:15:29.000Z",
    "updatedDate": "2026-11-20T10:15:30.000Z",
    "currency": "EUR",
    "taxIncluded": False,
    "customer": {"id": None, "type": "person", "email": "ada@mail.example", "name": "Ada Lovelace"},
    "purchaseOrderNumber": None,
    "paymentTerms": None,
    "billingAddress": {"name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London", "countryCode": "GB"},
    "shippingAddress": None,
    "lines": [
        {
            "id": "1",
            "sku": "BOTTLE",
            "name": "Bottle",
            "quantity": "2",
            "unitPrice": "10.00",
            "discounts": [{"code": "TEN", "amount": "2.00"}],
            "taxes": [{"code": "VAT20", "rate": "0.20", "amount": "3.60"}],
            "lineTotal": "18.00",
        }
    ],
    "shippingLines": [
        {
            "code": "STD",
            "name": "Standard",
            "price": "6.00",
            "discounts": [{"code": "LESS", "amount": "1.00"}],
            "taxes": [{"code": "VAT20", "rate": "0.20", "amount": "1.00"}],
        }
    ],
    "fees": [{"code": "WRAP", "name": "Wrapping", "amount": "0.50", "taxes": []}],
    "discounts": [{"code": "WELCOME", "amount": "0.10"}],
    "payments": [{"id": "p1", "method": "card", "amount": "20.00", "status": "captured"}],
    "totals": {
        "subtotal": "18.00",
        "discount": "3.10",
        "shipping": "5.00",
        "fees": "0.50",
        "tax": "4.60",
        "grandTotal": "28.00",
        "giftCard": "0.00",
        "balanceDue": "8.00",
    },
    "notes": None,
}
