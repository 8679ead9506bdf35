"""Sends random orders to an Odoo and counts what becomes equal, at once or by a rounding line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from integration.errors import Hold
from tests.connectors.odoo_targets import SandboxTarget, Shop, Target, unique
from tests.connectors.random_orders import CURRENCIES, RATES, RandomOrder, random_order

SETTINGS = ("round_per_line", "round_globally")


@dataclass(frozen=True)
class Outcome:
    """The outcome of one order: the line's amount, or None when it is held; ``right`` if Odoo shows Clarity's total."""

    order: RandomOrder
    carried: Decimal | None
    right: bool
    reason: str = ""


def send(shop: Shop, order: RandomOrder) -> Outcome:
    """One order sent, and its total read at Odoo by another user."""
    try:
        posted = shop.send(order.document, shop.new_work())
    except Hold as hold:
        return Outcome(order, None, False, hold.reason)
    shown = shop.target.one("sale.order", posted.theirs or 0, "amount_total", "state")
    right = shown["state"] == "sale" and round(Decimal(shown["amount_total"]), 6) == order.document["amount_total"]
    return Outcome(order, posted.rounding, right)


def prove(shop: Shop, seeds: Iterable[str], *, longest: int = 60) -> Iterator[Outcome]:
    """Sends the orders of these seeds, for services: what is to be shipped only takes time here."""
    sku = f"SVC-{unique()}"
    shop.target.create("product.product", name=sku, default_code=sku, type="service", list_price=7.77)
    for seed in seeds:
        yield send(shop, random_order(seed, unique(), sku, longest=longest))


def table(outcomes: Iterable[Outcome]) -> str:
    """By currency and taxes: orders, equal at once, carried by a line, the largest carried, held, wrong."""
    rows: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        rows[outcome.order.currency, outcome.order.kind].append(outcome)
    shown = ["currency  taxes            orders  at once  by line  largest  held  wrong"]
    for (currency, kind), found in sorted(rows.items()):
        carried = [abs(each.carried) for each in found if each.carried]
        held = sum(each.carried is None for each in found)
        wrong = sum(not each.right and each.carried is not None for each in found)
        at_once = len(found) - len(carried) - held
        largest = f"{max(carried, default=Decimal(0)):f}"
        shown.append(
            f"{currency:8}  {kind:15}  {len(found):6}  {at_once:7}  {len(carried):7}  {largest:>7}  {held:4}  {wrong:5}"
        )
    return "\n".join(shown)


@contextmanager
def rounding(target: Target, method: str) -> Iterator[None]:
    """The company's setting while the block lasts; with it what random orders need: currencies and taxes."""
    _furnish(target)
    company = target.company(SETTING)
    _round(target, company["id"], method)
    try:
        yield
    finally:
        _round(target, company["id"], company[SETTING])


SETTING = "tax_calculation_rounding_method"


def _round(target: Target, company: int, method: str) -> None:
    if isinstance(target, SandboxTarget):
        with target.fake.database.transaction():
            target.fake.database.update("res.company", company, {SETTING: method})
    else:
        target.owner("res.company", "write", [company], vals={SETTING: method})


def _furnish(target: Target) -> None:
    """A pricelist in each currency, and one sales tax of each rate, included and on top."""
    if isinstance(target, SandboxTarget):
        return  # has them
    for currency in CURRENCIES:
        domain = [["name", "=", currency], ["active", "in", [True, False]]]
        [row] = target.owner("res.currency", "search_read", domain=domain, fields=["active"])
        if not row["active"]:
            target.owner("res.currency", "write", [row["id"]], vals={"active": True})
        of_currency = [["currency_id", "=", row["id"]]]
        if currency != target.currency and not target.owner("product.pricelist", "search_count", domain=of_currency):
            target.create("product.pricelist", name=currency, currency_id=row["id"])
    for rate in RATES.values():
        for included in (True, False):
            domain = [["type_tax_use", "=", "sale"], ["amount", "=", float(rate)], ["price_include", "=", included]]
            if not target.owner("account.tax", "search_count", domain=domain):
                target.create(
                    "account.tax",
                    name=f"{rate} {'incl' if included else 'excl'}",
                    amount=float(rate),
                    type_tax_use="sale",
                    price_include_override="tax_included" if included else "tax_excluded",
                )
