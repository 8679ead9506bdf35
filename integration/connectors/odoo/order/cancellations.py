"""What of our orders people cancel in Odoo: whole orders, lowered lines, and what was shipped short for good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Ask, AsPosted, Change, Document, Page, Parent
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.changed_rows import Row, changed
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, moment, text, written
from integration.connectors.odoo.external import our_names, our_orders
from integration.connectors.odoo.site import Site
from integration.connectors.settling import settled_before
from integration.message import line_keys

TAKEN: list[Any] = [["state", "in", ["sale", "done", "cancel"]]]
QUANTITIES = ("product_uom_qty", "qty_delivered", "qty_invoiced")
CLOSED = {"done", "cancel"}


def cancellations(site: Site, ask: Ask) -> Page:
    """The stream of ``cancellation.changed``, see `Cancellations`."""
    return Cancellations(site.client, site.catalog, ask.as_posted).page(ask.since, ask.page)


class Cancellations:
    """The stream of ``cancellation.changed``: one for each order of which Odoo keeps less than was posted.

    An order's ``write_date`` moves with its lines and, for its delivery status is stored with it, with the last of its
    transfers (Odoo 19.0).
    """

    def __init__(self, client: Client, catalog: Catalog, as_posted: AsPosted) -> None:
        self._client = client
        self._catalog = catalog
        self._as_posted = as_posted

    def page(self, since: datetime, page: Document | None) -> Page:
        """Orders that have been as they are for a while, see `settled_before`: our own changes are known by then."""
        domain = [*TAKEN, ["write_date", "<", written(settled_before())]]
        batch = changed(self._client, "sale.order", domain, ["name", "state"], since, page)
        return Page(tuple(self._changes(batch.rows)) if batch.rows else (), batch.seen, batch.next)

    def _changes(self, rows: list[Row]) -> Iterator[Change]:
        ours = our_orders(self._client, {row["id"] for row in rows})
        orders = {row["id"]: row for row in rows if row["id"] in ours}
        posted = self._as_posted("order", [str(id) for id in orders]) if orders else {}
        lines = self._lines([id for id in orders if str(id) in posted and posted[str(id)]["lines"]])
        for id, order in orders.items():
            document = _document(order, lines[id], posted.get(str(id)))
            if document:
                at, number = moment(order["write_date"]), text(order["name"])
                parent = Parent("order", str(id), ours[id])
                yield Change("cancellation.changed", f"order/{id}", at, number, parent, document)

    def _lines(self, orders: list[int]) -> Mapping[int, dict[str, Row]]:
        """The lines of each order that have an external id of ours, by that, each with its ``moves``."""
        found: dict[int, dict[str, Row]] = defaultdict(dict)
        if not orders:
            return found
        domain, fields = [["order_id", "in", orders]], ["order_id", *QUANTITIES]
        rows = self._client.call("sale.order.line", "search_read", domain=domain, fields=fields, order="id")
        names = our_names(self._client, "sale.order.line", (row["id"] for row in rows))
        moves = self._moves(row["id"] for row in rows if exact(row["qty_delivered"]) < exact(row["product_uom_qty"]))
        for row in rows:
            if row["id"] in names:
                found[row["order_id"][0]][names[row["id"]]] = {**row, "moves": moves[row["id"]]}
        return found

    def _moves(self, lines: Iterable[int]) -> Mapping[int, list[Row]]:
        """The moves of lines; none where Odoo keeps no stock of what it sells."""
        found: dict[int, list[Row]] = defaultdict(list)
        asked = list(lines)
        if asked and {"sale_line_id", "picking_code"} <= self._catalog.fields("stock.move"):
            domain, fields = [["sale_line_id", "in", asked]], ["sale_line_id", "state", "picking_code"]
            for move in self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id"):
                found[move["sale_line_id"][0]].append(move)
        return found


def _document(order: Row, lines: Mapping[str, Row], posted: Document | None) -> Document | None:
    """What is kept of the order; None where that is all of it, or where Clarity has cancelled it, too.

    Of a cancelled order that is not known as it was posted it is held later that it is not.
    """
    whole = order["state"] == "cancel"
    if posted is None:
        return {"name": text(order["name"]), "whole": True, "unclear": None, "lines": []} if whole else None
    found = []
    for line in posted["lines"]:
        row = next((lines[key] for key in line_keys(posted["id"], line["id"]) if key in lines), None)
        if row is None:
            continue  # deleted in Odoo, which it only allows on a draft: the next change of the order adds it again
        kept = _kept(row, whole=whole)
        if kept < Decimal(line["quantity"]):
            quantities = {"ordered": Decimal(line["quantity"]), "kept": kept, "billed": exact(row["qty_invoiced"])}
            found.append({"key": line["id"], "sku": line["sku"], **quantities})
    if not found:
        return None
    delivered = any(exact(row["qty_delivered"]) for row in lines.values())
    waits = not whole and not delivered and any(_is_short(row) for row in lines.values())
    unclear = "transfers_cancelled" if waits else None
    return {"name": text(order["name"]), "whole": whole, "unclear": unclear, "lines": found}


def _kept(line: Row, *, whole: bool) -> Decimal:
    """How much of a line is delivered or still to be."""
    delivered = exact(line["qty_delivered"])
    return max(delivered, Decimal(0)) if whole or _is_short(line) else exact(line["product_uom_qty"])


def _is_short(line: Row) -> bool:
    """Whether less than ordered has left and nothing is on its way: the backorder was cancelled, or never made.

    Where goods came back it is not known what of the line is still wanted.
    """
    moves = line["moves"]
    came_back = any(move["picking_code"] == "incoming" for move in moves)
    return bool(moves) and not came_back and all(move["state"] in CLOSED for move in moves)
