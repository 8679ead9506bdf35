"""Random orders as Clarity would have them, right to the minor unit, and the documents that Odoo is sent for them.

The same seed makes the same order, but for its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from integration.canonical import check_order
from integration.canonical.money import minor_digits, round_money
from integration.connectors.contract import Document
from integration.rules.workflow import Definitions, load_definitions

RATES = {"VAT5": "5", "VAT7": "7", "SALES825": "8.25", "VAT10": "10", "VAT19": "19", "VAT21": "21", "VAT23": "23"}
"""The taxes' rates in percent, by their code in Clarity."""
CURRENCIES = ("EUR", "JPY", "KWD")
DISCOUNTS = ("0", "0", "0", "5", "7.5", "10", "12.5", "15", "33")


@dataclass(frozen=True)
class RandomOrder:
    """An order, and how it came about: a line has up to ``taxes`` taxes, which Clarity rounds by ``rounding``."""

    document: Document
    currency: str
    included: bool
    taxes: int
    rounding: str

    @property
    def kind(self) -> str:
        """What its taxes are, and where Clarity rounds them: "2 on top, unit", "1 included"."""
        return f"{self.taxes} included" if self.included else f"{self.taxes} on top, {self.rounding}"


def random_order(seed: str, key: str, sku: str, *, longest: int = 60) -> RandomOrder:
    """The order of this seed under the id ``key``, for so many of one product; of 3 to ``longest`` lines."""
    canonical = random_canonical(seed, key, sku, longest=longest)
    taxes = {tax["code"] for line in canonical["lines"] for tax in line["taxes"]}
    document = _definitions().mapping("odoo.out.order").apply(canonical)
    return RandomOrder(
        document, canonical["currency"], canonical["tax_included"], len(taxes), canonical["tax_rounding"]
    )


def random_canonical(seed: str, key: str, sku: str, *, longest: int = 60) -> Document:
    """The same as a canonical order, which holds together."""
    rng = Random(seed)
    currency, included = rng.choice(CURRENCIES), rng.random() < 0.35
    rounding = rng.choice(("line", "line", "line", "unit", "order"))
    codes = rng.sample(sorted(RATES), rng.choice((1, 1, 2, 3)))
    count = min(longest, rng.choice((rng.randint(3, 8), rng.randint(3, 8), rng.randint(9, 25), rng.randint(26, 60))))
    lines = [_line(rng, number, codes, currency, sku) for number in range(1, count + 1)]
    order = {
        **_customer(),
        "id": key,
        "number": f"R-{key}",
        "currency": currency,
        "taxIncluded": included,
        "lines": lines,
        "shippingLines": [_charge(rng, codes, currency, "price", discounts=[])] if rng.random() < 0.6 else [],
        "fees": [_charge(rng, codes, currency, "amount")] if rng.random() < 0.2 else [],
        "discounts": [{"code": "LOYAL", "amount": str(_unit(currency) * rng.randint(1, 99))}] * (rng.random() < 0.2),
    }
    _settle(order, rounding)
    canonical = {**_definitions().mapping("clarity.in.order")(order), "tax_rounding": rounding}
    check_order(canonical)
    return canonical


def _customer() -> dict[str, Any]:
    return {
        "version": 1,
        "status": "confirmed",
        "paymentStatus": "unpaid",
        "placedAt": "2026-11-20T10:15:29Z",
        "customer": {"id": "c-random", "type": "person", "email": "random@mail.example", "name": "Ran Dom"},
    }


def _line(rng: Random, number: int, codes: list[str], currency: str, sku: str) -> dict[str, Any]:
    quantity = Decimal(rng.choice((1, 1, 2, 3, rng.randint(1, 12), rng.randint(1, 250))))
    if rng.random() < 0.1:
        quantity = Decimal(rng.randint(1, 400)) / 4
    price = _unit(currency) * rng.randint(1, 25000)
    if rng.random() < 0.1:
        price += _unit(currency) * rng.randint(1, 99) / 100
    gross = round_money(quantity * price, currency)
    discount = round_money(gross * Decimal(rng.choice(DISCOUNTS)) / 100, currency)
    return {
        "id": str(number),
        "sku": sku,
        "name": f"Line {number}",
        "quantity": f"{quantity:f}",
        "unitPrice": f"{price:f}",
        "discounts": [{"code": "LESS", "amount": f"{discount:f}"}] if discount else [],
        "lineTotal": f"{gross - discount:f}",
        "taxes": _taxes(rng, codes),
    }


def _charge(rng: Random, codes: list[str], currency: str, amount: str, **more: Any) -> dict[str, Any]:
    price = _unit(currency) * rng.randint(1, 1500)
    return {"code": "STD", "name": "Standard", amount: f"{price:f}", "taxes": _taxes(rng, codes), **more}


def _taxes(rng: Random, codes: list[str]) -> list[dict[str, Any]]:
    """All of the taxes, or one of them: an order has goods of several rates."""
    chosen = codes if rng.random() < 0.6 else [rng.choice(codes)]
    return [{"code": code, "rate": str(Decimal(RATES[code]) / 100)} for code in chosen]


def _settle(order: dict[str, Any], rounding: str) -> None:
    """States the taxes and the totals, as a Clarity does that rounds there; totals follow from the parts."""
    currency, included = order["currency"], order["taxIncluded"]
    parts = [(line, Decimal(line["lineTotal"]), Decimal(line["quantity"])) for line in order["lines"]]
    parts += [(each, Decimal(each["price"]), Decimal(1)) for each in order["shippingLines"]]
    parts += [(each, Decimal(each["amount"]), Decimal(1)) for each in order["fees"]]
    exactly: dict[str, Decimal] = {}
    for part, total, quantity in parts:
        inside = sum((Decimal(tax["rate"]) for tax in part["taxes"]), Decimal(0)) if included else Decimal(0)
        for tax in part["taxes"]:
            amount = total / (1 + inside) * Decimal(tax["rate"])
            exactly[tax["code"]] = exactly.get(tax["code"], Decimal(0)) + amount
            of_one = round_money(amount / quantity, currency) * quantity if rounding == "unit" else amount
            tax["amount"] = f"{round_money(of_one, currency):f}"
    stated = sum((Decimal(tax["amount"]) for part, _, _ in parts for tax in part["taxes"]), Decimal(0))
    once = sum((round_money(amount, currency) for amount in exactly.values()), Decimal(0))
    tax = once if rounding == "order" else stated
    less = sum((Decimal(each["amount"]) for each in order["discounts"]), Decimal(0))
    grand = sum((total for _, total, _ in parts), Decimal(0)) - less + (Decimal(0) if included else tax)
    order["totals"] = {
        "subtotal": f"{sum(Decimal(line['lineTotal']) for line in order['lines']):f}",
        "discount": "0",
        "shipping": f"{sum(Decimal(each['price']) for each in order['shippingLines']):f}",
        "fees": f"{sum(Decimal(each['amount']) for each in order['fees']):f}",
        "tax": f"{tax:f}",
        "grandTotal": f"{grand:f}",
        "giftCard": None,
        "balanceDue": None,
    }


def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_digits(currency))


@cache
def _definitions() -> Definitions:
    return load_definitions(Path(__file__).parents[2] / "mappings")
