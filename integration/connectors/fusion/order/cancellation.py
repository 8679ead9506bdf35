"""What of a sales order is cancelled in Fusion: all of it, lines of it, or what a line was split into."""

from __future__ import annotations

from decimal import Decimal

from integration.connectors.contract import AsPosted, Change, Document
from integration.connectors.fusion.order.difference import SHIPPED, is_canceled
from integration.connectors.fusion.order.sales_orders import Row, SalesOrder, quantity
from integration.connectors.settling import settled_before

PARTLY = "PARTIALLY_SHIPPED"


def cancellation(order: SalesOrder, as_posted: AsPosted) -> list[Change]:
    """One change for an order of which less is kept than was posted, once it is so for a while: `settled_before`."""
    if order.at > settled_before():
        return []
    document = _document(order, as_posted("order", [order.key]).get(order.key))
    if document is None:
        return []
    id = f"{order.key}/cancelled"
    return [Change("cancellation.changed", id, order.at, order.number, order.parent, document)]


def _document(order: SalesOrder, posted: Document | None) -> Document | None:
    """None where all is kept, or where Clarity has cancelled the order, too."""
    whole = order.header.get("StatusCode") == "CANCELED"
    if posted is None:
        return {"name": order.number, "whole": True, "unclear": None, "lines": []} if whole else None
    found, short = [], False
    for line in posted["lines"]:
        rows = [row for row in order.lines if str(row.get("SourceTransactionLineId")) == line["id"]]
        kept = [row for row in rows if not is_canceled(row)]
        short = short or any(_is_short(row) for row in kept)
        ordered, left = Decimal(line["quantity"]), sum((_kept(row) for row in kept), Decimal(0))
        if rows and left < ordered:
            found.append({"key": line["id"], "sku": line["sku"], "ordered": ordered, "kept": left})
    if not found:
        return None
    return {"name": order.number, "whole": whole, "unclear": "shipped_short" if short else None, "lines": found}


def _kept(line: Row) -> Decimal:
    return quantity(line, "ShippedQuantity") if _is_short(line) else quantity(line, "OrderedQuantity")


def _is_short(line: Row) -> bool:
    """Whether less than ordered has left of a line that is done with shipping."""
    status, shipped = line.get("StatusCode"), quantity(line, "ShippedQuantity")
    return status in SHIPPED and status != PARTLY and Decimal(0) < shipped < quantity(line, "OrderedQuantity")
