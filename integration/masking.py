"""Documents and texts as they may be shown: who a person is and where she lives is masked, what is ordered is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# fmt: off
PERSONS = frozenset({
    "customer", "partner", "contact", "billingAddress", "shippingAddress", "billing_address", "shipping_address",
    "invoice_address", "delivery_address", "customAttributes", "attributes",
})
SHOWN = frozenset({"id", "key", "type", "country", "countryCode", "state", "region", "accountNumber", "account_number"})
HIDDEN = frozenset({
    "notes", "note", "comment", "email", "phone", "reference", "giftMessage", "tags", "postal_code",
    "Comments", "ShippingInstructions", "PackingInstructions",
})
SHORTEST = 4  # of a text that is worth looking for in another
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
    hidden = key not in SHOWN if within else key in PERSONS | HIDDEN or key.startswith("x_")
    return "***" if hidden and value not in (None, "", True, False) else value


def without_personal(text: str, document: Any) -> str:
    """The text with ``…`` for whatever of it `masked` hides in the document: a target's words may quote an order.

    >>> without_personal("Odoo says: Jane Doe is archived", {"customer": {"name": "Jane Doe", "id": "c-1"}})
    'Odoo says: … is archived'
    """
    found = {each.strip() for each in _hidden(document, masked(document))}
    texts = sorted((each for each in found if len(each) >= SHORTEST), key=len, reverse=True)
    if not texts:
        return text
    return re.sub(rf"(?i)(?<!\w)(?:{'|'.join(map(re.escape, texts))})(?!\w)", "…", text)


def _hidden(document: Any, shown: Any) -> Iterator[str]:
    """The texts of a document that are masked where it is shown."""
    if isinstance(document, dict) and isinstance(shown, dict):
        for key, value in document.items():
            yield from _hidden(value, shown[key])
    elif isinstance(document, list) and isinstance(shown, list):
        for value, its in zip(document, shown, strict=True):
            yield from _hidden(value, its)
    elif isinstance(document, str) and document != shown:
        yield document
