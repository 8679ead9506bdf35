"""Documents and texts as they may be shown: only what is known to be harmless stays readable.

A field is shown if its name is listed here for the place it is in: what is ordered, its amounts, codes, states, times
and ids.  Who a person is and where a person lives is masked, and so is every field that nobody has listed: a sender may
add one at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

# fmt: off
PERSONS = frozenset({
    "customer", "partner", "contact", "billingAddress", "shippingAddress", "billing_address", "shipping_address",
    "invoice_address", "delivery_address", "ship_to",
})
GOODS = frozenset({"lines", "shippingLines", "shipping_lines", "fees", "charges", "variants"})
PARTS = frozenset({
    "event", "data", "canonical", "part", "target", "body", "order", "totals", "payments", "refunds", "discounts",
    "taxes", "charge", "adjustments",
    "fields", "eff", "line_statuses",
})
"""Objects and lists that are shown field by field.  Everything inside one with another name is masked."""
SHOWN_OF_PERSONS = frozenset({
    "id", "key", "type", "country", "countryCode", "state", "region", "accountNumber", "account_number", "is_company",
})
SHOWN_OF_A_PERSONAL_DOCUMENT = frozenset({"id", "key", "object_id", "customer_id", "source", "version", "timestamp"})
"""Which object it is and how new: all else of a document that is about a person is masked, whatever its name."""
SHOWN_OF_GOODS = frozenset({"name"})
ATTRIBUTES = frozenset({"customAttributes", "attributes"})
SHOWN_OF_ATTRIBUTES = frozenset({"fulfilledBy"})
"""Of the fields that every sender names as it likes: the one by which a line names its ERP."""
SHOWN = frozenset({
    # identity, time and state
    "id", "key", "keys", "type", "timestamp", "version", "source", "number", "object_id", "order_id",
    "order_line_id", "orderLineId", "externalRef", "their_order", "status", "state", "payment_state", "payment_status",
    "paymentStatus", "placedAt", "placed_at", "createdDate", "updatedDate", "updated_at", "issuedOn", "issued_on",
    "dueOn", "due_on", "shippedAt", "shipped_at", "date", "due", "date_done", "date_order", "origin", "sale",
    "client_order_ref", "purchaseOrderNumber", "purchase_order_number", "order_complete", "cancel_reason",
    # money
    "currency", "amount", "amount_total", "balance", "balanceDue", "balance_due", "discount", "fees", "giftCard",
    "gift_card", "grandTotal", "grand_total", "included", "lineTotal", "order_amount", "order_currency",
    "order_invoiced", "order_rounding", "price", "price_unit", "rate", "residual", "shipping", "subtotal", "tax",
    "taxIncluded", "tax_included", "tax_rounding", "tax_roundings", "total", "unitPrice", "unit_price",
    "order_credited", "credited", "paid", "certain", "issued", "invoice", "invoice_id", "invoiceRef",
    "invoice_payment_state", "method", "paymentTerms", "payment_terms", "payment_term",
    # goods and their way
    "sku", "kind", "quantity", "left", "uom", "code", "product_uom_qty", "requiresShipping", "requires_shipping",
    "substitute", "carrier", "service", "tracking", "tracking_numbers", "trackingNumbers", "backorder_of",
    "barcode", "weight", "category", "archived", "default_code", "list_price", "is_storable",
    # Fusion's names
    "ActualShipDate", "ApplyToCode", "BusinessUnit", "ChargeDefinitionCode", "ChargeSubtypeCode", "ChargeTypeCode",
    "ContextCode", "CustomerPONumber", "CustomerTransactionId", "DeliveryName", "DueDate", "EnteredAmount",
    "FreezePriceFlag", "FreezeShippingChargeFlag", "FreezeTaxFlag", "InvoiceBalanceAmount", "InvoiceCurrencyCode",
    "InvoiceStatus", "OrderKey", "OrderNumber", "OrderedUOMCode", "PaymentTerms", "PriceTypeCode",
    "SourceTransactionNumber", "StatusCode", "TrackingNumbers", "TransactionCategoryCode", "TransactionDate",
    "TransactionNumber", "TransactionOn", "TransactionalCurrencyCode", "WaybillNumber",
})
# fmt: on
MASK = "***"
SHORTEST = 4
"""Characters from which on a value, or a word in small letters, is looked for in a text; "Doe" is, "and" is not."""
FEWEST_DIGITS = 6
"""Digits from which on a number in a text is taken for one that the document hides."""
NAME = re.compile(r"[A-Za-z_][\w.:-]{0,80}", re.ASCII)
WORD = re.compile(r"\w{3,}")
NUMBER = re.compile(r"\+?\d[\d\s().+/-]{4,60}\d")


class Place(Enum):
    """Where in a document a field is: that decides which names are shown."""

    PLAIN = "plain"
    OF_GOODS = "of goods"
    OF_A_PERSON = "of a person"
    OF_ATTRIBUTES = "of attributes"
    OF_A_PERSONAL_DOCUMENT = "of a personal document"
    UNKNOWN = "unknown"


SHOWN_AT = {
    Place.PLAIN: SHOWN,
    Place.OF_GOODS: SHOWN | SHOWN_OF_GOODS,
    Place.OF_A_PERSON: SHOWN_OF_PERSONS,
    Place.OF_ATTRIBUTES: SHOWN_OF_ATTRIBUTES,
    Place.OF_A_PERSONAL_DOCUMENT: SHOWN_OF_A_PERSONAL_DOCUMENT,
    Place.UNKNOWN: frozenset[str](),
}


def masked(document: Any, *, personal: bool = False) -> Any:
    """The document with ``***`` for every value, and every odd name of a field, that is not known to be harmless.

    One that is ``personal`` is about a person as a whole (`Entity.personal`).
    """
    return _masked(document, _outermost(personal), False)


def _masked(value: Any, place: Place, shown: bool) -> Any:
    if isinstance(value, Mapping):
        names = (name if NAME.fullmatch(name) else f"{MASK}{count}" for count, name in enumerate(value, 1))
        fields = (_masked(each, *_entered(name, each, place)) for name, each in value.items())
        return dict(zip(names, fields, strict=True))
    if isinstance(value, list | tuple):
        return [_masked(each, place, shown) for each in value]
    return value if shown or value in (None, "") else MASK


def without_personal(text: str, document: Any, *, personal: bool = False) -> str:
    """The text with ``…`` for whatever of it `masked` hides in the document: a target's words may quote an order.

    Looked for are whole values, the words of persons and addresses, words in capitals of anything else that is hidden,
    and numbers by their digits, however they are written.

    >>> without_personal("Odoo says: Doe, Jane is archived", {"customer": {"name": "Jane Doe", "id": "c-1"}})
    'Odoo says: …, … is archived'
    """
    hidden = Hidden(document, personal=personal)
    for value in hidden.values_in(text):
        text = re.sub(rf"(?i)(?<!\w){re.escape(value)}(?!\w)", "…", text)
    text = NUMBER.sub(lambda found: "…" if hidden.has_digits(found[0]) else found[0], text)
    return WORD.sub(lambda found: "…" if hidden.has_word(found[0]) else found[0], text)


class Hidden:
    """What `masked` hides in a document, to be found in a text."""

    def __init__(self, document: Any, *, personal: bool = False) -> None:
        self._values: set[str] = set()
        self._words: set[str] = set()
        self._digits: set[str] = set()
        self._shown: set[str] = set()
        self._collect(document, _outermost(personal), False)

    def values_in(self, text: str) -> list[str]:
        """The whole values that the text holds, the longest first."""
        folded = text.casefold()
        return sorted((value for value in self._values if value.casefold() in folded), key=len, reverse=True)

    def has_word(self, word: str) -> bool:
        """Whether it is a word of a hidden value, and of none that is shown."""
        return word.casefold() in self._words and word.casefold() not in self._shown

    def has_digits(self, text: str) -> bool:
        """Whether the number is a hidden one, with or without its country code."""
        digits = _digits(text)
        return len(digits) >= FEWEST_DIGITS and (
            digits in self._digits or any(known.endswith(digits) or digits.endswith(known) for known in self._digits)
        )

    def _collect(self, value: Any, place: Place, shown: bool) -> None:
        if isinstance(value, Mapping):
            for name, each in value.items():
                self._collect(each, *_entered(name, each, place))
        elif isinstance(value, list | tuple):
            for each in value:
                self._collect(each, place, shown)
        elif shown:
            self._shown.update(word.casefold() for word in WORD.findall(str(value)))
        elif isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
            self._hide(str(value).strip(), place)

    def _hide(self, value: str, place: Place) -> None:
        if len(value) >= SHORTEST:
            self._values.add(value)
        lower = place in (Place.OF_A_PERSON, Place.OF_A_PERSONAL_DOCUMENT)
        self._words.update(
            word.casefold() for word in WORD.findall(value) if word[0].isupper() or lower and len(word) >= SHORTEST
        )
        digits = _digits(value)
        if len(digits) >= FEWEST_DIGITS:
            self._digits.add(digits)


def _outermost(personal: bool) -> Place:
    return Place.OF_A_PERSONAL_DOCUMENT if personal else Place.PLAIN


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _entered(name: str, value: Any, place: Place) -> tuple[Place, bool]:
    """The place inside a field of this name, and whether a plain value there is shown."""
    shown = name in SHOWN_AT[place]
    if not _holds_fields(value):
        return place, shown
    if place is Place.OF_A_PERSONAL_DOCUMENT:
        return (place if name in PARTS else Place.UNKNOWN), False
    if name in ATTRIBUTES and place in (Place.PLAIN, Place.OF_GOODS):
        return Place.OF_ATTRIBUTES, False
    if place in (Place.OF_ATTRIBUTES, Place.UNKNOWN) or name not in PERSONS | GOODS | PARTS:
        return Place.UNKNOWN, False
    if place is Place.OF_A_PERSON or name in PERSONS:
        return Place.OF_A_PERSON, False
    return (Place.OF_GOODS if name in GOODS else place), False


def _holds_fields(value: Any) -> bool:
    return isinstance(value, Mapping) or isinstance(value, list | tuple) and any(map(_holds_fields, value))
