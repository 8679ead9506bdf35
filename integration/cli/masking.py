"""Documents as they may be shown: who a person is and where she lives is masked, what is ordered stays readable."""

from __future__ import annotations

from typing import Any

# fmt: off
PERSONS = frozenset({
    "customer", "partner", "contact", "billingAddress", "shippingAddress", "billing_address", "shipping_address",
    "invoice_address", "delivery_address", "customAttributes", "attributes",
})
SHOWN = frozenset({"id", "key", "type", "country", "countryCode", "state", "region", "accountNumber", "account_number"})
HIDDEN = frozenset({"notes", "note", "comment", "email", "phone", "reference", "giftMessage", "tags"})
# fmt: on


def masked(document: Any, *, within: bool = False) -> Any:
    """The document with personal values replaced by ``***``.

    Inside a person, an address or custom attributes everything is masked that is not known to be harmless; elsewhere
    what people write freely is, and fields of the customer's own (``x_...``).  A product's name stays readable.
    """
    if isinstance(document, dict):
        return {key: _value(key, value, within) for key, value in document.items()}
    if isinstance(document, list):
        return [masked(each, within=within) for each in document]
    return "***" if within and isinstance(document, str) and document else document


def _value(key: str, value: Any, within: bool) -> Any:
    if isinstance(value, dict | list):
        return masked(value, within=within or key in PERSONS or key in HIDDEN)
    hidden = key not in SHOWN if within else key in HIDDEN or key.startswith("x_")
    return "***" if hidden and value not in (None, "", True, False) else value
