"""The frozen prices that an order brings along: charges with their components, and what they add up to.

There is no pricing engine here, so an order whose prices are not frozen is refused as one that cannot be priced.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import get_currency_precision

from integration.sandbox.fusion.wire import Refusal

Row = dict[str, Any]

LIST, NET = ("QP_LIST_PRICE", "LIST_PRICE"), ("QP_NET_PRICE", "NET_PRICE")
TAX = ("QP_EXCLUSIVE_TAX", "EXCLUSIVE_TAX")
AMOUNTS = (
    "ChargeCurrencyUnitPrice",
    "ChargeCurrencyExtendedAmount",
    "HeaderCurrencyUnitPrice",
    "HeaderCurrencyExtendedAmount",
)
EXTENDED = "HeaderCurrencyExtendedAmount"


def check(order: Row, line: Row) -> None:
    """Raises the refusal of a line that lacks its price: the code of the first was seen live, the texts were not."""
    number = line["SourceTransactionLineNumber"]
    charges = line.get("charges") or []
    if not order.get("FreezePriceFlag") or sum(map(is_price, charges)) != 1:
        detail = f"The pricing process can't identify a charge for SourceTransactionLineNumber {number}."
        raise Refusal(400, detail, "FOM-4515095")
    for charge in charges:
        for element in (LIST, NET):
            component = _component(charge, element)
            if component is None or any(component.get(name) is None for name in AMOUNTS):
                detail = (
                    f"The list price or net price for charge {charge['ChargeDefinitionCode']} on "
                    f"SourceTransactionLineNumber {number} does not contain a value."
                )
                raise Refusal(400, detail, "FOM-4515096")


def is_price(charge: Row) -> bool:
    """Whether it is the price of the goods."""
    return bool(charge.get("PrimaryFlag")) and not is_freight(charge)


def is_freight(charge: Row) -> bool:
    """Whether it is for shipping; what is neither this nor the price is a fee."""
    return "SHIPPING" in str(charge.get("ApplyToCode") or charge.get("ApplyTo")).upper()


def amount(charges: list[Row], element: tuple[str, str]) -> Decimal:
    """The extended amounts of one price element over the charges."""
    components = [_component(charge, element) for charge in charges]
    return sum((Decimal(str(one.get(EXTENDED) or 0)) for one in components if one), Decimal(0))


def counted(order: Row, line: Row) -> list[Row]:
    """The line's charges, without freight that is not frozen: Fusion would compute it anew, here it is nothing."""
    return [charge for charge in line["charges"] if order.get("FreezeShippingChargeFlag") or not is_freight(charge)]


def taxes(order: Row, line: Row) -> Decimal:
    """The frozen tax.  Tax that is not frozen would be computed by Fusion; here it is nothing."""
    return amount(counted(order, line), TAX) if order.get("FreezeTaxFlag") else Decimal(0)


def totals(order: Row) -> dict[str, Decimal]:
    """What the lines that are not cancelled add up to, in the order's currency."""
    lines = [line for line in order["lines"] if not line["CanceledFlag"]]
    charges = [charge for line in lines for charge in counted(order, line)]
    goods = [charge for charge in charges if not is_freight(charge)]
    listed, sold = amount(goods, LIST), amount(goods, NET)
    shipping = amount([charge for charge in charges if is_freight(charge)], NET)
    tax = sum((taxes(order, line) for line in lines), Decimal(0))
    return {
        "list": listed,
        "discount": listed - sold,
        "net": sold,
        "shipping": shipping,
        "tax": tax,
        "total": sold + shipping + tax,
    }


def price(line: Row) -> Row:
    """The charge that is the price of the goods."""
    [charge] = filter(is_price, line["charges"])
    found: Row = charge
    return found


def net(charges: list[Row]) -> int | float:
    """What the goods of these charges cost."""
    return plain(amount(list(filter(is_price, charges)), NET))


def of_line(line: Row) -> Row:
    """The line's prices as its charges have them."""
    listed, sold = _component(price(line), LIST), _component(price(line), NET)
    assert listed and sold, "the charge was checked"
    unit = "ChargeCurrencyUnitPrice"
    return {"UnitListPrice": listed[unit], "UnitSellingPrice": sold[unit], "ExtendedAmount": net(line["charges"])}


def plain(amount: Decimal) -> int | float:
    """An amount as a JSON number."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def split(line: Row, currency: str, part: Decimal) -> tuple[list[Row], list[Row]]:
    """The line's charges shared between ``part`` of its quantity and the rest, to the minor unit.

    Freight and fees stay whole, with the first part.
    """
    whole = Decimal(str(line["OrderedQuantity"]))
    first, rest = [], []
    for charge in line["charges"]:
        if not is_price(charge):
            first.append(charge)
            continue
        halves: tuple[list[Row], list[Row]] = ([], [])
        for component in charge["chargeComponents"]:
            for half, shares in zip(halves, _shares(component, currency, part / whole), strict=True):
                half.append({**component, **shares})
        first.append({**charge, "PricedQuantity": float(part), "chargeComponents": halves[0]})
        rest.append({**charge, "PricedQuantity": float(whole - part), "chargeComponents": halves[1]})
    return first, rest


def _shares(component: Row, currency: str, fraction: Decimal) -> tuple[Row, Row]:
    first, rest = {}, {}
    for name in ("ChargeCurrencyExtendedAmount", EXTENDED):
        whole = Decimal(str(component.get(name) or 0))
        share = (whole * fraction).quantize(Decimal(1).scaleb(-get_currency_precision(currency)), ROUND_HALF_UP)
        first[name], rest[name] = float(share), float(whole - share)
    return first, rest


def _component(charge: Row, element: tuple[str, str]) -> Row | None:
    for component in charge.get("chargeComponents") or []:
        if (component["PriceElementCode"], component["PriceElementUsageCode"]) == element:
            found: Row = component
            return found
    return None
