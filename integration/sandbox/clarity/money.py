"""The contract's money: minor units by ISO 4217, how an order's totals follow from its parts, and whether they do."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

Document = dict[str, Any]

ZERO = Decimal(0)
NO_MINOR_UNIT = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())  # noqa: SIM905
THREE_DIGITS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905


class Unreadable(Exception):
    """An order whose amounts cannot be computed; ``pointer`` is where."""

    def __init__(self, pointer: str) -> None:
        super().__init__(pointer)
        self.pointer = pointer


def digits(currency: str) -> int:
    """How many digits the currency's minor unit has."""
    if currency in NO_MINOR_UNIT:
        return 0
    return 3 if currency in THREE_DIGITS else 2


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the minor unit, halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_UP)


def settle(order: Document) -> None:
    """Computes every amount that follows from quantities, prices, discounts, tax rates and captured payments.

    Taxes are rounded per line and computed after the line's discounts; a discount of the whole order lowers the total
    and no tax.  ``totals.discount`` is the sum of all discounts, of lines, shipping and the order.
    """
    currency, inside = order["currency"], order["taxIncluded"]
    for line in order["lines"]:
        net = _gross(line, currency) - _sum(line["discounts"])
        line["lineTotal"] = str(rounded(net, currency))
        _settle_taxes(line["taxes"], net, currency, inside)
    for part in order["shippingLines"]:
        _settle_taxes(part["taxes"], Decimal(part["price"]) - _sum(part["discounts"]), currency, inside)
    for fee in order["fees"]:
        _settle_taxes(fee["taxes"], Decimal(fee["amount"]), currency, inside)
    amounts = _amounts(order)
    grand_total = _grand_total(order, amounts)
    totals = {
        **amounts,
        "discount": amounts["discount"] + sum((_sum(part["discounts"]) for part in _discounted(order)), ZERO),
        "grandTotal": grand_total,
        "giftCard": _sum([one for one in order["payments"] if one["method"] == "gift_card"]),
        "balanceDue": grand_total - _captured(order),
    }
    order["totals"] = {name: str(rounded(amount, currency)) for name, amount in totals.items()}


def contradictions(order: Document) -> list[tuple[str, str]]:
    """Where the order breaks the contract's rules of 3.3, as (pointer, message); `Unreadable` if undecidable."""
    found = []
    try:
        currency = order["currency"]
        for index, line in enumerate(order["lines"]):
            if Decimal(line["lineTotal"]) != _gross(line, currency) - _sum(line["discounts"]):
                found.append((f"/lines/{index}/lineTotal", "is not quantity x unitPrice - discounts"))
        amounts = _amounts(order)
        grand_total = Decimal(order["totals"]["grandTotal"])
        if grand_total != _grand_total(order, amounts):
            found.append(("/totals/grandTotal", "is not the sum of the order's parts"))
        if _captured(order) + Decimal(order["totals"]["balanceDue"]) != grand_total:
            found.append(("/totals/balanceDue", "is not grandTotal - captured payments"))
    except KeyError as error:
        raise Unreadable(f"/{error.args[0]}") from error
    except (InvalidOperation, TypeError, ValueError, AttributeError) as error:
        raise Unreadable("") from error
    return found


def _gross(line: Document, currency: str) -> Decimal:
    return rounded(Decimal(line["quantity"]) * Decimal(line["unitPrice"]), currency)


def _settle_taxes(taxes: list[Document], amount: Decimal, currency: str, inside: bool) -> None:
    together = sum((Decimal(tax["rate"]) for tax in taxes), ZERO)
    base = amount / (1 + together) if inside else amount
    for tax in taxes:
        tax["amount"] = str(rounded(base * Decimal(tax["rate"]), currency))


def _amounts(order: Document) -> dict[str, Decimal]:
    taxed = [*order["lines"], *order["shippingLines"], *order["fees"]]
    return {
        "subtotal": sum((Decimal(line["lineTotal"]) for line in order["lines"]), ZERO),
        "discount": _sum(order["discounts"]),
        "shipping": sum((Decimal(one["price"]) - _sum(one["discounts"]) for one in order["shippingLines"]), ZERO),
        "fees": _sum(order["fees"]),
        "tax": sum((_sum(one["taxes"]) for one in taxed), ZERO),
    }


def _grand_total(order: Document, amounts: dict[str, Decimal]) -> Decimal:
    total = amounts["subtotal"] + amounts["shipping"] + amounts["fees"] - amounts["discount"]
    return total if order["taxIncluded"] else total + amounts["tax"]


def _discounted(order: Document) -> list[Document]:
    return [*order["lines"], *order["shippingLines"]]


def _captured(order: Document) -> Decimal:
    return _sum([one for one in order["payments"] if one["status"] == "captured"])


def _sum(parts: list[Document]) -> Decimal:
    return sum((Decimal(part["amount"]) for part in parts), ZERO)
