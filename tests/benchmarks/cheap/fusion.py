"""Fusion's REST, as far as new orders need it: accounts and items, all of which there are, and sales orders."""

from __future__ import annotations

import re
import zlib
from typing import Any
from urllib.parse import parse_qs

from tests.benchmarks.cheap.wire import Answer, Call

Row = dict[str, Any]
ORDERS = "salesOrdersForOrderHub"


class Fusion:
    """One pod; ``orders`` are its sales orders by OrderKey."""

    def __init__(self) -> None:
        self.orders: dict[str, Row] = {}

    def answer(self, call: Call) -> Answer:
        resource, _, key = call.path.partition("/resources/")[2].partition("/")[2].partition("/")
        asked = {name: values[0] for name, values in parse_qs(call.query).items()}
        if call.method == "POST" and resource == ORDERS and not key:
            return self._create(call.json())
        if call.method != "GET":
            return Answer(404, {"title": "Not Found"})
        if key:
            order = self.orders.get(key.replace("%3A", ":"))
            return Answer(200, order) if order else Answer(404, {"title": "Not Found"})
        rows = _found(resource, re.findall(r"'([^']*)'|[=(,] *(\d+)", asked.get("q", "")))
        return Answer(200, {"items": rows, "count": len(rows), "hasMore": False, "offset": 0, "limit": 200})

    def _create(self, body: Row) -> Answer:
        key = f"{body['SourceTransactionSystem']}:{body['SourceTransactionId']}"
        if key in self.orders:
            said = "A sales order with this source transaction identifier already exists."
            return Answer(400, {"title": "Bad Request", "o:errorDetails": [{"detail": said, "o:errorCode": "DOO-0"}]})
        number = len(self.orders) + 1
        lines = [{**line, "FulfillLineId": number * 1000 + place} for place, line in enumerate(body["lines"])]
        made = {"OrderKey": key, "HeaderId": number, "OrderNumber": str(number), "StatusCode": "OPEN", "totals": []}
        self.orders[key] = {**body, **made, "lines": lines}
        return Answer(201, self.orders[key])


def _found(resource: str, literals: list[tuple[str, str]]) -> list[Row]:
    """A row for each value that is asked for; nothing ever changes, so what polls ask for has none."""
    values = [text or number for text, number in literals]
    if resource == "itemsV2":
        return [{"ItemNumber": value} for value in values]
    if resource == "contacts":
        return [{"EmailAddress": value, "AccountPartyId": _id(value), "ContactName": "B"} for value in values]
    if resource == "customerAccountSitesLOV":
        return [_site(value) for value in values]
    return []


def _site(value: str) -> Row:
    """The bill-to site of an account, by its number or by its party."""
    party = int(value) if value.isdigit() else _id(value)
    ids = {"PartyId": party, "CustomerAccountId": party, "SiteUseId": party, "PartySiteId": party}
    return {"AccountNumber": value, "AccountName": "Cheap", "SiteUseCode": "BILL_TO", "PrimaryFlag": "Y", **ids}


def _id(text: str) -> int:
    return zlib.crc32(text.encode()) + 1
