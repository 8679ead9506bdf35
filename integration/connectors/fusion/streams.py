"""What a Fusion pod is polled for: orders whose header changed, open orders one by one, and invoices that changed.

An order's header need not change with its lines, nor an invoice when it is paid, and not every pod can be queried by
time: so the open orders are read by their keys, and bring their invoices with them.
"""

from __future__ import annotations

import structlog

from integration.connectors.contract import Ask, AsPosted, Change, Page, with_rights
from integration.connectors.fusion.errors import AccessRefused
from integration.connectors.fusion.order.cancellation import cancellation
from integration.connectors.fusion.order.sales_orders import SalesOrder
from integration.connectors.fusion.shipment.changes import shipments
from integration.connectors.fusion.site import Site
from integration.errors import Failure, Misconfigured, Retry, Throttled

logger = structlog.get_logger(__name__)


@with_rights(AccessRefused)
def orders(site: Site, ask: Ask) -> Page:
    """Shipments and cancellations of orders whose header changed."""
    batch = site.sales_orders.changed(ask.since, ask.page)
    found = [_read(site, row["OrderKey"]) for row in batch.rows]
    changes = (
        change for order in found if order for change in (*shipments(order), *cancellation(order, ask.as_posted))
    )
    return Page(tuple(changes), batch.seen, batch.next)


def open_orders(site: Site, ask: Ask) -> Page:
    """Shipments, cancellations and invoices of the orders that are not yet shipped and billed, in one page."""
    found = [_read(site, key) for key in ask.open_keys("order")]
    changes = [change for order in found if order for change in _with_invoices(site, order, ask.as_posted)]
    return Page(tuple(sorted(changes, key=lambda change: change.at)), None, None)


def invoices(site: Site, ask: Ask) -> Page:
    """Invoices that changed, see `Invoices.changed`."""
    return site.invoices.changed(ask.since, ask.page)


def customers(site: Site, ask: Ask) -> Page:
    """Accounts that changed, see `AccountChanges.changed`."""
    return site.accounts.changed(ask.since, ask.page)


def products(site: Site, ask: Ask) -> Page:
    """Items that changed, see `ItemChanges.changed`."""
    return site.item_changes.changed(ask)


def _read(site: Site, key: str) -> SalesOrder | None:
    """The order; None, with a line in the log, for one that cannot be read, so that the others do not wait for it.

    As long as it is open it is read again by the next poll.
    """
    try:
        return site.sales_orders.read(key)
    except (Throttled, Misconfigured):
        raise
    except Failure as failure:
        if isinstance(failure, Retry) and failure.counts_for_breaker and failure.code != "http_500":
            raise  # the pod cannot be reached; it is not this order
        logger.error("poll.order_unreadable", order=key, reason=failure.reason)
        return None


def _with_invoices(site: Site, order: SalesOrder, as_posted: AsPosted) -> list[Change]:
    """The changes of an open order; its shipments do not wait for invoices that cannot be read."""
    shipped = [*shipments(order), *cancellation(order, as_posted)]
    try:
        return [*shipped, *site.invoices.of(order)]
    except Throttled:
        raise
    except Failure as failure:
        logger.warning("poll.invoices_unreadable", order=order.key, reason=failure.reason)
        return shipped
