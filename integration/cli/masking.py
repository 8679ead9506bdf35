"""Documents as they may be shown: who a person is and where she lives is masked, what is ordered stays readable."""

from __future__ import annotations

from typing import Any

# fmt: off
PERSONAL = frozenset({
    "name", "email", "email_normalized", "phone", "mobile", "company", "line1", "line2", "street", "street2", "city",
    "postalCode", "postal_code", "zip", "taxId", "tax_id", "vat", "notes", "note", "comment", "giftMessage",
    "reference",
})
PERSONS = frozenset({
    "customer", "partner", "contact", "billingAddress", "shippingAddress", "billing_address", "shipping_address",
    "invoice_address", "delivery_address",
})
# fmt: on


def masked(document: Any, *, within: bool = False) -> Any:
    """The document with personal values replaced by ``***``.

    Names are personal only inside a customer or an address: a product's name is not.
    """
    if isinstance(document, dict):
        return {
            key: "***"
            if isinstance(value, str) and value and _personal(key, within)
            else masked(value, within=within or key in PERSONS)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [masked(each, within=within) for each in document]
    return document


def _personal(key: str, within: bool) -> bool:
    return key in PERSONAL and (within or key not in {"name", "reference"})
