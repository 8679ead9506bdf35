"""An order document as Fusion's ``salesOrdersForOrderHub`` reads it (attributes of Order Management, release 25C)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from integration.canonical.unique import by_key
from integration.connectors.contract import Document
from integration.connectors.fusion.order.prices import Price, prices
from integration.message import external_id, read_external_id

HEADER_EFF = "DOO_HEADERS_ADD_INFO"
LINE_EFF = "DOO_FULFILL_LINES_ADD_INFO"
PLAIN = "[A-Za-z0-9-]{1,40}"

Body = dict[str, Any]


@dataclass(frozen=True)
class Payload:
    """One order document that `enrich` has completed, and the settings that are the same for every order.

    ``accepts`` says by how much its prices may differ from its total, because a person lets it pass.
    """

    document: Document
    source_system: str
    business_unit: str
    accepts: Callable[[Decimal], bool] = lambda _: False

    @property
    def order_key(self) -> str:
        """How Fusion's URLs name the order, always in its newest revision."""
        return f"{self.source_system}:{self.source_id}"

    @property
    def source_id(self) -> str:
        return source_id("order", self.document["key"])

    def create(self) -> Body:
        """The whole order, to be created and submitted in one call."""
        return {
            "SourceTransactionSystem": self.source_system,
            "SourceTransactionId": self.source_id,
            "SourceTransactionRevisionNumber": 1,
            **self._business_unit(),
            "BuyingPartyId": self.party,
            **self.header,
            "SubmittedFlag": True,
            **self.customers,
            **_eff(HEADER_EFF, self.document.get("eff")),
            "lines": list(self.lines.values()),
        }

    @property
    def party(self) -> int:
        """Who buys."""
        return int(self.document["ids"]["party"])

    @property
    def customers(self) -> Body:
        """Who pays and where the goods go; ids are numbers in framework version 4."""
        ids = self.document["ids"]
        ship_to = {"PartyId": int(ids["party"])} | ({"SiteId": int(ids["ship_to"])} if ids["ship_to"] else {})
        return {
            "billToCustomer": [{"CustomerAccountId": int(ids["account"]), "SiteUseId": int(ids["bill_to"])}],
            "shipToCustomer": [ship_to],
        }

    @cached_property
    def header(self) -> Body:
        """The plain attributes of the order."""
        return {name: value for name, value in self.document["order"].items() if value is not None}

    @cached_property
    def lines(self) -> dict[str, Body]:
        """The lines by SourceTransactionLineId.  Charges of the whole order are charges of the first line.

        Raises `Hold` when two lines have one id.
        """
        of_lines, of_charges = prices(self.document, self.accepts)
        priced = enumerate(zip(self.document["lines"], of_lines, strict=True), start=1)
        bodies = [self._line(line, price, place) for place, (line, price) in priced]
        made = by_key(bodies, lambda body: str(body["SourceTransactionLineId"]))
        first = next(iter(made.values()))
        for charge, price in zip(self.document["charges"], of_charges, strict=True):
            number = len(first["charges"]) + 1
            first["charges"].append(self._charge(charge["key"], charge["charge"], price, number))
        return made

    def _business_unit(self) -> Body:
        if self.business_unit.isdigit():
            return dict.fromkeys(("BusinessUnitId", "RequestingBusinessUnitId"), int(self.business_unit))
        return {"BusinessUnitName": self.business_unit}

    def _line(self, line: Document, price: Price, place: int) -> Body:
        id = source_id("line", line["key"])
        fields = {name: value for name, value in line["fields"].items() if value is not None}
        return {
            "SourceTransactionLineId": id,
            "SourceTransactionLineNumber": str(place),
            "SourceTransactionScheduleId": id,
            "SourceScheduleNumber": "1",
            **fields,
            "ProductNumber": self.document["ids"]["items"][line["sku"]],
            "OrderedQuantity": line["quantity"],
            "UnitListPrice": price.unit(price.list),
            "UnitSellingPrice": price.unit(price.net),
            "ExtendedAmount": price.net,
            "charges": [self._charge(id, line["charge"], price, 1)],
            **_eff(LINE_EFF, line.get("eff")),
        }

    def _charge(self, key: str, fields: Body, price: Price, number: int) -> Body:
        """A charge with every component that Fusion would compute itself if the prices were not frozen."""
        currency = self.document["currency"]
        amounts = (
            ("QP_LIST_PRICE", "LIST_PRICE", price.list),
            ("QP_NET_PRICE", "NET_PRICE", price.net),
            ("QP_EXCLUSIVE_TAX", "EXCLUSIVE_TAX", price.tax),
            ("QP_NET_PRICE_PLUS_TAX", "NET_PRICE_PLUS_TAX", price.net + price.tax),
        )
        return {
            "SourceChargeId": key,
            **fields,
            "PricedQuantity": price.quantity,
            "PrimaryFlag": number == 1,
            "RollupFlag": False,
            "ChargeCurrencyCode": currency,
            "GSAUnitPrice": price.unit(price.net),
            "SequenceNumber": number,
            "chargeComponents": [
                {
                    "SourceChargeComponentId": f"{key[:46]}-{place}",
                    "PriceElementCode": element,
                    "PriceElementUsageCode": usage,
                    "ChargeCurrencyCode": currency,
                    "HeaderCurrencyCode": currency,
                    **_amounts(price, amount),
                    "SequenceNumber": place,
                    "RollupFlag": False,
                }
                for place, (element, usage, amount) in enumerate(amounts, start=1)
            ],
        }


def source_id(entity: str, id: str) -> str:
    """Our id where Fusion takes it as it is (at most 40 letters, digits and dashes), else an encoding of it."""
    return id if re.fullmatch(PLAIN, id) else external_id(entity, id)


def order_id_of(source_id: str) -> str | None:
    """Our id of the order that Fusion knows by this SourceTransactionId; None when it is only a hash of our id."""
    if re.fullmatch(PLAIN, source_id):
        return source_id
    match read_external_id(source_id):
        case ("order", id):
            return id
    return None


def _amounts(price: Price, amount: Decimal) -> Body:
    unit = price.unit(amount)
    return {
        "ChargeCurrencyUnitPrice": unit,
        "ChargeCurrencyExtendedAmount": amount,
        "HeaderCurrencyUnitPrice": unit,
        "HeaderCurrencyExtendedAmount": amount,
    }


def _eff(category: str, views: Body | None) -> Body:
    """Extensible flexfields: by view object its attributes; one that holds nothing but its context is left out."""
    filled = {name: [fields] for name, fields in (views or {}).items() if set(fields) - {"ContextCode"}}
    return {"additionalInformation": [{"Category": category, **filled}]} if filled else {}
