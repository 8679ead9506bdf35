"""What of an invoice is whose, when it bills several orders.

An order's part is what its lines come to, with their taxes where the invoice adds taxes on top and shows them by line.
Whatever then is left of the total (lines that name no order, taxes that are not shown) is shared by these parts.  All
shares come to the total exactly, to the minor unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from integration.canonical.money import EXACT, round_money
from integration.connectors.answers import to_number
from integration.connectors.fusion.order.difference import rows_of

TAXES = "receivablesInvoiceLineTaxLines"


def by_order(lines: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """What the lines that name an order come to, by its number; with taxes where they are shown."""
    parts: dict[str, Decimal] = {}
    for line in lines:
        if number := line.get("SalesOrder"):
            amounts = [line.get("LineAmount"), *(tax.get("TaxAmount") for tax in rows_of(line.get(TAXES)))]
            parts[str(number)] = parts.get(str(number), Decimal(0)) + sum(
                (to_number(amount) or Decimal(0) for amount in amounts), Decimal(0)
            )
    return parts


def share(amount: Decimal | None, parts: Mapping[str, Decimal], number: str, currency: str | None) -> Decimal | None:
    """What of ``amount`` is the order's of this number; None where its parts do not say.

    >>> parts = {"1": Decimal(1), "2": Decimal(1), "3": Decimal(1)}
    >>> [str(share(Decimal(100), parts, number, "EUR")) for number in parts]
    ['33.33', '33.34', '33.33']
    """
    whole = sum(parts.values(), Decimal(0))
    if amount is None or not whole or number not in parts:
        return None
    before = sum((part for other, part in parts.items() if other < number), Decimal(0))
    upto = [EXACT.divide(EXACT.multiply(amount, part), whole) for part in (before, before + parts[number])]
    return round_money(upto[1], currency) - round_money(upto[0], currency)
