"""Made-up orders: varied, realistic, and the same for the same seed (but for ids and times).

A *trait* is one thing that makes an order interesting; several are joined with ``+`` ("b2b_po+express").  Every amount
follows from the parts by the contract's rules, with taxes rounded per line, unless the trait is that it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from integration.sandbox.clarity import catalogue, money
from integration.sandbox.clarity.catalogue import BY_SKU, SHIPPABLE, Market, Product

Document = dict[str, Any]
Change = Callable[[Document, Market, Random], None]

EXPRESS_PRICE = Decimal("14.90")
STANDARD_PRICE = Decimal("4.90")


class UnknownTrait(ValueError):
    """A trait that does not exist; the text lists those that do."""


def generate(count: int, seed: int | str, traits: list[str]) -> list[Document]:
    """``count`` orders; order i gets trait i of the list, round and round; without a list all that are right."""
    wanted = traits or list(SOUND)
    for trait in wanted:
        if unknown := set(trait.split("+")) - set(TRAITS):
            raise UnknownTrait(f"unknown trait {sorted(unknown)[0]!r}; known are {', '.join(TRAITS)}")
    return [draft(wanted[index % len(wanted)].split("+"), Random(f"{seed}/{index}")) for index in range(count)]  # noqa: S311


def draft(traits: list[str], rng: Random) -> Document:
    """One order with these traits, without id, number and times."""
    market = next((MARKETS[trait] for trait in traits if trait in MARKETS), None) or rng.choice(catalogue.EURO_MARKETS)
    order = _plain(market, rng)
    for name, change in TRAITS.items():
        if name in traits and name not in BREAKING:
            change(order, market, rng)
    _pay(order)
    for name, change in TRAITS.items():
        if name in traits and name in BREAKING:
            change(order, market, rng)
    return order


def _plain(market: Market, rng: Random) -> Document:
    products = rng.sample(SHIPPABLE, rng.randint(1, 4))
    customer = _person(market, rng.randint(1, 5000))
    address = _address(market, rng, customer["name"])
    return {
        "status": "confirmed",
        "paymentStatus": "paid",
        "fulfillmentStatus": "unfulfilled",
        "channel": "web",
        "currency": market.currency,
        "presentmentCurrency": market.currency,
        "exchangeRate": None,
        "taxIncluded": market.tax_included,
        "customer": customer,
        "purchaseOrderNumber": None,
        "paymentTerms": None,
        "billingAddress": address,
        "shippingAddress": dict(address),
        "lines": [
            _line(number, product, market, Decimal(rng.randint(1, 5))) for number, product in enumerate(products, 1)
        ],
        "shippingLines": [_shipping(market.shipping, "Standard delivery", STANDARD_PRICE, market)],
        "fees": [],
        "discounts": [],
        "payments": [],
        "refunds": [],
        "externalIds": {"oracle_fusion": None, "odoo": None},
        "notes": None,
        "tags": [],
        "customAttributes": {},
    }


def _person(market: Market, number: int) -> Document:
    """Customer ``number`` of a market: always the same person."""
    country = market.country.lower()
    return {
        "id": f"c-{country}-{number}",
        "type": "person",
        "email": f"customer.{number}@{country}.example",
        "name": market.people[number % len(market.people)],
        "company": None,
        "phone": None,
        "taxId": None,
        "accountNumber": None,
    }


def _address(market: Market, rng: Random, name: str) -> Document:
    return {
        "name": name,
        "company": None,
        "line1": f"{rng.choice(market.streets)} {rng.randint(1, 180)}",
        "line2": None,
        "city": market.city,
        "region": market.region,
        "postalCode": market.postal_code,
        "countryCode": market.country,
        "phone": None,
        "email": None,
    }


def _line(number: int, product: Product, market: Market, quantity: Decimal) -> Document:
    return {
        "id": str(number),
        "sku": product.sku,
        "productId": f"p-{catalogue.PRODUCTS.index(product) + 1}",
        "name": product.name,
        "kind": product.kind,
        "quantity": str(quantity),
        "uom": "EA",
        "unitPrice": _price(product.price, market),
        "discounts": [],
        "taxes": _taxes(market) if product.kind != "gift_card" else [],
        "requiresShipping": product.kind == "physical",
        "customAttributes": {},
    }


def _shipping(code: str, name: str, price: Decimal, market: Market) -> Document:
    return {"code": code, "name": name, "price": _price(price, market), "taxes": _taxes(market), "discounts": []}


def _taxes(market: Market) -> list[Document]:
    return [{"code": code, "rate": rate, "jurisdiction": market.country} for code, rate in market.taxes]


def _price(euros: Decimal, market: Market) -> str:
    return str(money.rounded(euros * market.scale, market.currency))


def _pay(order: Document) -> None:
    """Captures what no other tender has paid, unless the order is on account; then every total is computed."""
    money.settle(order)
    due = Decimal(order["totals"]["balanceDue"])
    if order["paymentTerms"] is None and due > 0:
        number = len(order["payments"]) + 1
        payment = {"id": f"pay-{number}", "method": "card", "amount": str(due), "status": "captured"}
        order["payments"].append({**payment, "reference": "tok_sandbox"})
        money.settle(order)


def _nothing(_order: Document, _market: Market, _rng: Random) -> None:
    """The market alone makes the trait."""


def _same_customer(order: Document, market: Market, _rng: Random) -> None:
    order["customer"] = _person(market, 77)


def _guest(order: Document, _market: Market, _rng: Random) -> None:
    order["customer"]["id"] = None


def _company(order: Document, market: Market, rng: Random) -> None:
    number = rng.randint(1, 400)
    order["customer"] |= {
        "id": f"c-{market.country.lower()}-b{number}",
        "type": "company",
        "email": f"purchasing.{number}@{market.country.lower()}.example",
        "company": f"{market.company} {number}",
        "accountNumber": f"A-{number}",
    }
    order["billingAddress"]["company"] = order["shippingAddress"]["company"] = order["customer"]["company"]
    order |= {"purchaseOrderNumber": f"PO-{rng.randint(4000, 9999)}", "paymentTerms": "NET30", "taxIncluded": False}
    order |= {"paymentStatus": "pending", "channel": "b2b"}


def _many_lines(order: Document, market: Market, rng: Random) -> None:
    order["lines"] = [
        _line(number, SHIPPABLE[number % len(SHIPPABLE)], market, Decimal(rng.randint(1, 9)))
        for number in range(1, 251)
    ]


def _digital(order: Document, market: Market, rng: Random) -> None:
    skus = ["EBOOK-01"] if rng.random() < 0.5 else ["EBOOK-01", "GIFTCARD-50"]
    order["lines"] = [_line(number, BY_SKU[sku], market, Decimal(1)) for number, sku in enumerate(skus, 1)]
    order |= {"shippingAddress": None, "shippingLines": []}


def _digital_mix(order: Document, market: Market, _rng: Random) -> None:
    for sku in ("EBOOK-01", "INSTALL-SVC"):
        order["lines"].append(_line(len(order["lines"]) + 1, BY_SKU[sku], market, Decimal(1)))


def _mixed_rates(order: Document, market: Market, _rng: Random) -> None:
    """One line at the market's rate, one at a reduced rate, one that is not taxed."""
    products = (BY_SKU["SHIRT-BLUE-M"], BY_SKU["SKU-7"], BY_SKU["GIFTCARD-50"])
    order["lines"] = [_line(number, product, market, Decimal(number)) for number, product in enumerate(products, 1)]
    order["lines"][1]["taxes"] = [{"code": "VAT7", "rate": "0.07", "jurisdiction": market.country}]


def _express(order: Document, market: Market, _rng: Random) -> None:
    order["shippingLines"] = [_shipping("EXPRESS", "Express delivery", EXPRESS_PRICE, market)]


def _pickup(order: Document, market: Market, _rng: Random) -> None:
    order["shippingLines"] = [_shipping("PICKUP", "Picked up at the store", Decimal(0), market)]


def _fractional(order: Document, _market: Market, rng: Random) -> None:
    order["lines"][0]["quantity"] = rng.choice(("0.5", "1.5", "2.25", "0.75"))


def _percent(order: Document, market: Market, rng: Random) -> None:
    line, percent = order["lines"][0], rng.choice((5, 10, 15, 20))
    gross = money.rounded(Decimal(line["quantity"]) * Decimal(line["unitPrice"]), market.currency)
    amount = money.rounded(gross * percent / 100, market.currency)
    line["discounts"] = [{"code": f"SAVE{percent}", "amount": str(amount), "allocation": "line"}]


def _per_unit(order: Document, market: Market, _rng: Random) -> None:
    """Two units of one line, each lowered by another amount."""
    product = BY_SKU["SHIRT-BLUE-M"]
    order["lines"][0] |= _line(1, product, market, Decimal(2))
    order["lines"][0]["discounts"] = [
        {"code": "BUNDLE", "amount": _price(Decimal(amount), market), "allocation": "unit"}
        for amount in ("8.10", "9.00")
    ]


def _order_discount(order: Document, market: Market, _rng: Random) -> None:
    order["discounts"] = [{"code": "WELCOME", "amount": _price(Decimal("1.50"), market)}]


def _gift_card(order: Document, market: Market, _rng: Random) -> None:
    """A gift card pays the first five euros: tender, not a discount."""
    money.settle(order)
    amount = min(Decimal(_price(Decimal(5), market)), Decimal(order["totals"]["grandTotal"]))
    payment = {"id": "pay-1", "method": "gift_card", "amount": str(amount), "status": "captured"}
    order["payments"].append({**payment, "reference": "gc_sandbox"})


def _unicode(order: Document, _market: Market, _rng: Random) -> None:
    order["customer"]["name"] = "Zoë Ångström-Łęcka 🌍"
    order["billingAddress"] |= {
        "name": "Zoë Ångström-Łęcka 🌍",
        "line2": "2. Stock, 中文 / العربية / 'quote' \"double\"",
    }
    order["lines"][0]["name"] += " – größte Ausführung ½″ 日本"
    order["notes"] = "Bitte läuten 🔔\nMerci ❤️"


def _notes(order: Document, _market: Market, _rng: Random) -> None:
    order["notes"] = "Please ring twice.\nLeave it with the neighbour <2nd floor> & call."
    order["customAttributes"] = {"giftMessage": "Happy birthday!"}


def _shared(order: Document, market: Market, _rng: Random) -> None:
    """The lines name the ERP that fulfils them, in turn; there are at least two."""
    if len(order["lines"]) == 1:
        order["lines"].append(_line(2, BY_SKU["SHIRT-BLUE-M"], market, Decimal(2)))
    for position, line in enumerate(order["lines"]):
        line["customAttributes"] = {"fulfilledBy": ("odoo", "fusion")[position % 2]}


def _mismatch(order: Document, market: Market, _rng: Random) -> None:
    """The total is one minor unit more than its parts."""
    unit = Decimal(1).scaleb(-money.digits(market.currency))
    order["totals"]["grandTotal"] = str(Decimal(order["totals"]["grandTotal"]) + unit)
    order["totals"]["balanceDue"] = str(Decimal(order["totals"]["balanceDue"]) + unit)


def _unknown_sku(order: Document, _market: Market, _rng: Random) -> None:
    order["lines"][0]["sku"] = "NO-SUCH-SKU"


def _unknown_currency(order: Document, _market: Market, _rng: Random) -> None:
    order |= {"currency": "XTS", "presentmentCurrency": "XTS"}


def _unknown_tax_code(order: Document, _market: Market, _rng: Random) -> None:
    order["lines"][0]["taxes"][0]["code"] = "VATX"


def _no_customer(order: Document, _market: Market, _rng: Random) -> None:
    order["customer"] = None


MARKETS = {
    "tax_excluded": catalogue.TEXAS,
    "usd": catalogue.ILLINOIS,
    "multi_tax": catalogue.CANADA,
    "mixed_rates": catalogue.GERMANY,
    "jpy": catalogue.JAPAN,
    "kwd": catalogue.KUWAIT,
}
TRAITS: dict[str, Change] = {
    "plain": _nothing,
    "tax_included": _nothing,
    "tax_excluded": _nothing,
    "usd": _nothing,
    "multi_tax": _nothing,
    "jpy": _nothing,
    "kwd": _nothing,
    "same_customer": _same_customer,
    "guest": _guest,
    "b2b_po": _company,
    "250_lines": _many_lines,
    "digital": _digital,
    "digital_mix": _digital_mix,
    "mixed_rates": _mixed_rates,
    "express": _express,
    "pickup": _pickup,
    "fractional_qty": _fractional,
    "discount_per_unit": _per_unit,
    "discount_percent": _percent,
    "order_discount": _order_discount,
    "gift_card": _gift_card,
    "unicode": _unicode,
    "notes": _notes,
    "shared": _shared,
    "mismatch": _mismatch,
    "unknown_sku": _unknown_sku,
    "unknown_currency": _unknown_currency,
    "unknown_tax_code": _unknown_tax_code,
    "no_customer": _no_customer,
}
BREAKING = frozenset({"mismatch", "unknown_sku", "unknown_currency", "unknown_tax_code", "no_customer"})
SOUND = tuple(name for name in TRAITS if name not in BREAKING)
