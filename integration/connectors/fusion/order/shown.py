"""How Fusion shows an order, under the names that its document has, for a person to compare."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.canonical.unique import by_key
from integration.connectors.answers import to_number
from integration.connectors.contract import Document, Work
from integration.connectors.fusion.errors import NotThere
from integration.connectors.fusion.order.difference import is_canceled, rows_of, same
from integration.connectors.fusion.order.payload import source_id
from integration.connectors.fusion.order.post import EXPAND, GRAND_TOTAL
from integration.connectors.fusion.site import Site
from integration.connectors.shown import as_ours

Fields = dict[str, Any]


def shown_order(site: Site, document: Document, work: Work) -> Document | None:  # noqa: ARG001
    """The order's header, its lines by ours, and its total where Fusion shows it; None when Fusion does not have it."""
    client, path = site.client, site.client.path(site.resource, site.payload(document).order_key)
    try:
        order = client.get(path, expand=EXPAND)
    except NotThere:
        return None
    theirs: dict[str, list[Fields]] = {}
    for line in client.children(order, "lines", path):
        if not is_canceled(line):
            theirs.setdefault(str(line.get("SourceTransactionLineId")), []).append(line)
    ours = by_key(document["lines"], lambda line: source_id("line", line["key"]))
    totals = [row.get("TotalAmount") for row in rows_of(order.get("totals")) if row.get("TotalCode") == GRAND_TOTAL]
    return {
        "order": as_ours(document["order"], order, same),
        **({"amount_total": as_ours(document, {"amount_total": totals[0]}, same)["amount_total"]} if totals else {}),
        "lines": [_line(line, theirs[id]) if id in theirs else None for id, line in ours.items()]
        + [{"key": id} for id in theirs if id not in ours],
    }


def _line(ours: Document, rows: list[Fields]) -> Document:
    """One line of ours; its quantity is that of all lines it was split into."""
    quantity = sum((to_number(row.get("OrderedQuantity")) or Decimal(0) for row in rows), Decimal(0))
    named = {"sku": rows[0].get("ProductNumber"), "quantity": quantity}
    return {"key": ours["key"], **as_ours(ours, named, same), "fields": as_ours(ours["fields"], rows[0], same)}
