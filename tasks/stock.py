"""Stock levels: what Clarity may sell is what an ERP has, less what orders want of it and the ERP does not show yet.

Clarity shows a level as ``available`` less what it has sold itself since ``asOf``.  Its webhooks may be late, so
``asOf`` lies `MARGIN` before the figure was read: what Clarity sells after that it takes off itself, known here or not.
Of what it sold before that, the fleet takes off what the ERP did not have when the figure was read; and adds what the
ERP had reserved by then of what Clarity takes off, too.  All of that is computed when the level is posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from integration.connectors.contract import Change, Document
from integration.errors import Skip, Throttled
from integration.store import demand
from integration.store.database import Transaction
from integration.store.deliveries import Delivery
from integration.store.demand import Asked, Wanted
from tasks.tracking import Job, Tracking

MARGIN = timedelta(minutes=10)
"""So late a webhook may be, and nothing is sold twice."""
OLDEST = 15 * 60.0
"""Seconds after which a figure is not sent any more, but read anew."""
UNREAD_PAUSE = 2.0
"""Seconds until orders that came before the figure have been read."""


class StockLevel(Tracking):
    """A level of an ERP, which changes with every order."""

    _read_again: float | None = None

    def before_transform(self, job: Job, event: Document) -> Document:
        """The event with ``read_at``: nothing that the ERP has done since is in its figures."""
        read_at = datetime.fromtimestamp(job.delivery.version / 1_000_000, UTC)
        return {**event, "data": {**event["data"], "read_at": f"{read_at:%Y-%m-%dT%H:%M:%S.%fZ}"}}

    def before_post(self, job: Job, document: Document) -> Document:
        """The level as Clarity may show it: ``{sku, location, available, as_of}``.

        Raises `Skip` where the figure is too old, and is read anew; `Throttled` while orders are being read that may
        want some of it.
        """
        read_at = datetime.fromisoformat(document["read_at"])
        as_of = read_at - MARGIN
        as_of = as_of.replace(microsecond=as_of.microsecond // 1000 * 1000)
        asked = Asked(job.delivery.source, document["sku"], read_at, as_of)
        now = job.runtime.database.together(demand.standing, asked)
        if now.age > OLDEST:
            self._read_again = 0.0
            raise Skip(f"the figure is older than {OLDEST / 60:.0f} minutes: it is read anew")
        if now.unread:
            raise Throttled("orders that may want some of it are being read", after=UNREAD_PAUSE)
        counted = now.counted if document["only_place"] else Decimal(0)
        if counted != now.counted:
            self._read_again = MARGIN.total_seconds()  # by then Clarity does not count it any more
        available = max(Decimal(document["available"]) - now.pending + counted, Decimal(0))
        level = {"sku": document["sku"], "location": document["location"]}
        return {
            **level,
            "available": available,
            "as_of": as_of.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    def at_end(self, tx: Transaction, job: Job) -> None:
        """Has the level read anew where that is due."""
        if self._read_again is not None:
            sku = job.document["canonical"]["sku"]
            demand.read_again(tx, job.delivery.source, sku, self._read_again)

    @staticmethod
    def wanted(tx: Transaction, installation: int, found: Sequence[Change]) -> Sequence[Change]:
        """Levels of what Clarity sells: of what was ordered there, or came from there as a product."""
        sold = demand.sold(tx, installation, {each.number for each in found if each.number})
        return [each for each in found if each.number in sold]

    @staticmethod
    def open_keys(tx: Transaction, installation: int) -> list[str]:
        """The SKUs whose levels are to be read anew."""
        return demand.to_read(tx, installation)

    @staticmethod
    def polled(tx: Transaction, installation: int, keys: Sequence[str]) -> None:
        demand.asked(tx, installation, keys)


class SoldProduct(Tracking):
    """A product that Clarity sells: its levels at the ERP are of interest from then on."""

    def after_post(self, tx: Transaction, job: Job) -> Sequence[Any]:
        product = job.document["canonical"]
        skus = {each["sku"] for each in (product, *product["variants"]) if each["sku"]}
        demand.sell(tx, job.delivery.target, skus)
        return ()


def wanted_of(delivery: Delivery, order: Document) -> Wanted:
    """What a canonical order, or the part of it that is for the target, wants of the target."""
    return _wanted(delivery, ((each["sku"], each["quantity"]) for each in order["lines"]), order.get("placed_at"))


def wanted_at_most(delivery: Delivery, event: Any) -> Wanted:
    """What an event that no mapping has read yet may want: all that its lines state, as Clarity writes them."""
    stated = event.get("data") if isinstance(event, Mapping) else None
    stated = stated if isinstance(stated, Mapping) else {}
    lines = stated.get("lines")
    found = [
        (each.get("sku"), each.get("quantity"))
        for each in (lines if isinstance(lines, list) else ())
        if isinstance(each, Mapping)
    ]
    return _wanted(delivery, found, stated.get("placedAt"))


def _wanted(delivery: Delivery, lines: Iterable[tuple[Any, Any]], placed_at: Any) -> Wanted:
    quantities: dict[str, Decimal] = {}
    for sku, stated in lines:
        quantity = _number(stated)
        if isinstance(sku, str) and sku.strip() and "\x00" not in sku and quantity > 0:
            quantities[sku] = quantities.get(sku, Decimal(0)) + quantity
    return Wanted(delivery.target, delivery.object_id, quantities, _time(placed_at))


def _number(stated: Any) -> Decimal:
    try:
        number = Decimal(str(stated))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and abs(number) < 10**12 else Decimal(0)


def _time(stated: Any) -> datetime | None:
    try:
        found = stated if isinstance(stated, datetime) else datetime.fromisoformat(str(stated))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
