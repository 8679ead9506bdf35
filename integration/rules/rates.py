"""Exchange rates: value tables of dated rates, and how a workflow converts the orders of its target by one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Self

from integration.canonical.conversion import convert
from integration.canonical.order import CANCELLED
from integration.errors import Hold
from integration.rules.definition_fields import did_you_mean
from integration.rules.definition_problem import Problem

Document = dict[str, Any]


@dataclass(frozen=True)
class Rates:
    """A table of rates: for each pair of currencies the days that have one, in their order, and the rate of each.

    ``days`` is how old a rate may be on an order's day.
    """

    name: str
    days: int
    pairs: Mapping[tuple[str, str], list[tuple[str, Decimal]]]

    @classmethod
    def of(cls, name: str, document: Mapping[str, Any]) -> Self:
        pairs: dict[tuple[str, str], list[tuple[str, Decimal]]] = defaultdict(list)
        for row in document["rates"]:
            pairs[row["from"], row["to"]].append((row["date"], Decimal(row["rate"])))
        return cls(name, document["days"], {pair: sorted(dated) for pair, dated in pairs.items()})

    def of_day(self, currency: str, to: str, day: str) -> Document:
        """The newest rate on that day or before, as a conversion (`order.Conversion`).

        Raises `Hold` where there is none, or it is older than ``days``.  No rate is made of others.
        """
        dated = self.pairs.get((currency, to), [])
        at = bisect_right(dated, day, key=lambda each: each[0])
        oldest = date.fromisoformat(day) - timedelta(days=self.days)
        if at == 0 or date.fromisoformat(dated[at - 1][0]) < oldest:
            newest = f"; the newest before it is of {dated[at - 1][0]}" if at else ""
            raise Hold(
                f"no rate from {currency} to {to} of {day} or the {self.days} days before{newest}",
                hint=f"Add one to mappings/tables/{self.name}.json and run `fleet mapping publish`. {{again}}",
                code="no_rate",
            )
        day, rate = dated[at - 1]
        return {"from_currency": currency, "to_currency": to, "date": day, "rate": rate}


@dataclass(frozen=True)
class Conversion:
    """What a workflow says under ``convert``: the currency of its target's orders, and the rates."""

    to: str
    rates: Rates

    def converted(self, order: Document, kept: Document | None) -> Document:
        """The order in that currency, at the rate of the UTC day on which it was placed.

        One that the target has keeps its rate: ``kept`` is the conversion of what it took.  A cancelled order has no
        sums that anybody looks at, and one that is in that currency needs nothing: both stay as they are.
        """
        if order["currency"] == self.to or order["status"] in CANCELLED:
            return order
        if kept and (kept["from_currency"], kept["to_currency"]) == (order["currency"], self.to):
            used = {**kept, "rate": Decimal(kept["rate"])}
        else:
            used = self.rates.of_day(order["currency"], self.to, order["placed_at"][:10])
        return convert(order, used)


def wrong_conversion(
    workflow: Document, tables: Container[str], of_rates: Collection[str], orders: Container[str]
) -> Iterator[Problem]:
    """What keeps a workflow from converting: its table is not there, or has no rates, or its documents are no orders.

    ``orders`` are the names of the mappings that make a canonical order.
    """
    if "convert" not in workflow:
        return
    by = workflow["convert"]["by"]
    if by not in of_rates:
        says = "has no rates" if by in tables else f"is not in mappings/tables{did_you_mean(by, of_rates)}"
        yield Problem(("convert", "by"), f"names the table {by!r}, which {says}")
    if workflow["transform"][0] not in orders:
        yield Problem(("convert",), "is for orders: nothing else has a currency that can be converted")
