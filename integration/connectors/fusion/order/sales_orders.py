"""Sales orders as Fusion has them, with their lines and what was done of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import structlog

from integration.connectors.answers import to_number, unreadable
from integration.connectors.contract import Batch, Document, Parent
from integration.connectors.fusion.changed_rows import Listing
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.decode import newest
from integration.connectors.fusion.errors import AccessRefused, NoSuchResource, NotThere
from integration.connectors.fusion.order.difference import DRAFT, rows_of
from integration.connectors.fusion.order.payload import order_id_of

logger = structlog.get_logger(__name__)

DETAILS = "lineDetails"
FIELDS = "OrderKey,HeaderId,OrderNumber,StatusCode,LastUpdateDate"
REFERENCE = "DOO_REFERENCE"
"""The status of old revisions, and of the copy that Fusion keeps of an order as it was submitted."""

Row = dict[str, Any]


@dataclass(frozen=True)
class SalesOrder:
    """One order in its newest revision; each of the ``lines`` has its ``lineDetails`` as a list."""

    key: str
    header: Row
    lines: list[Row]

    @property
    def number(self) -> str | None:
        return text(self.header.get("OrderNumber"))

    @property
    def parent(self) -> Parent:
        """The order as what its shipments and invoices belong to; with our id, where the key spells it out."""
        return Parent("order", self.key, order_id_of(self.key.partition(":")[2]))

    @cached_property
    def at(self) -> datetime:
        """When anything of it last changed: the header's date does not move with its lines."""
        details = (detail for line in self.lines for detail in line[DETAILS])
        stamps = [row.get("LastUpdateDate") for row in (self.header, *self.lines)]
        stamps += [detail.get("StatusAsOfDate") for detail in details]
        return newest(stamps) or newest([self.header.get("CreationDate")]) or datetime.fromtimestamp(0, UTC)


class SalesOrders:
    """Reads the orders of one source system; ``resource`` is what the pod calls sales orders."""

    def __init__(self, client: Client, resource: str, source_system: str) -> None:
        self._client = client
        self._resource = resource
        self._path = client.path(resource)
        self._source_system = source_system
        self._listing = Listing(client, self._path, "HeaderId")

    def changed(self, since: datetime, page: Document | None) -> Batch:
        """Orders whose header has changed: rows with little more than the OrderKey."""
        where = f"SourceTransactionSystem = {quoted(self._source_system)}"
        batch = self._listing.changed(since, page, where, fields=FIELDS)
        if not all(row.get("OrderKey") for row in batch.rows):
            raise unreadable("Fusion shows an order without its OrderKey")
        return Batch([row for row in batch.rows if self._is_current(row)], batch.seen, batch.next)

    def by_number(self, number: str) -> SalesOrder | None:
        """The order of this OrderNumber, if it is of our source system."""
        q = f"OrderNumber={quoted(number)} and SourceTransactionSystem={quoted(self._source_system)}"
        for row in self._client.items(self._path, q=q, fields=FIELDS):
            if self._is_current(row) and text(row.get("OrderNumber", number)) == number:
                return self.read(str(row["OrderKey"]))
        return None

    def read(self, key: str) -> SalesOrder | None:
        """The order with this OrderKey; None for a draft, and for one that is not there or not for our user."""
        path = self._client.path(self._resource, key)
        try:
            header = self._client.get(path, expand=f"lines.{DETAILS}")
        except (NotThere, AccessRefused) as refused:
            logger.warning("poll.order_skipped", order=key, reason=refused.reason)
            return None
        if header.get("StatusCode") in (DRAFT, REFERENCE):
            return None
        # Without their links, which onlyData drops, the details of a line could not be read on.
        lines = self._client.children(header, "lines", path, expand=DETAILS, onlyData="false")
        return SalesOrder(key, header, [{**line, DETAILS: self._details(line)} for line in lines])

    def _is_current(self, row: Row) -> bool:
        """Whether the row is an order that was submitted: copies and old revisions have a number for a key."""
        ours = str(row.get("OrderKey")).startswith(f"{self._source_system}:")
        return ours and row.get("StatusCode") not in (DRAFT, REFERENCE)

    def _details(self, line: Row) -> list[Row]:
        """All details of a line, also of those that came cut off, or not at all."""
        path, shown = self._client.link(line), line.get(DETAILS)
        if path is None:
            if isinstance(shown, dict) and shown.get("hasMore"):
                raise unreadable("Fusion shows only some details of a line, and no link to the others")
            return rows_of(shown)
        try:
            return self._client.children(line, DETAILS, path)
        except NoSuchResource:
            return rows_of(shown)


def text(value: Any) -> str | None:
    """A name or number as text, whichever of the two Fusion shows; empty is None."""
    return None if value in (None, "") else str(value)


def quantity(row: Row, *names: str) -> Decimal:
    """The first of these attributes that is a number; 0 where none is."""
    return next((number for name in names if (number := to_number(row.get(name))) is not None), Decimal(0))
