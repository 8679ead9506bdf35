"""A return of Clarity's at Odoo: a transfer for each delivery that goods come back of, ready for the warehouse.

Odoo's own wizard (``stock.return.picking``) makes such a transfer without any key, so a lost answer would leave it
unknown whether it is there.  ``load()`` makes the same transfer under our external id, with the same links to the
delivery and its moves (compared field by field on Odoo 19): however often it is called, it is there once.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document, Posted, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact
from integration.connectors.odoo.external import load_all, our_names
from integration.connectors.odoo.returned.spread import Part, Sent, spread
from integration.connectors.odoo.site import Site
from integration.errors import Hold
from integration.message import external_id, read_external_id

ENTITY, TRANSFER = "return", "return_transfer"
STOCK = "stock"
"""The location of goods that are sold again: wherever Odoo itself receives what comes back."""
NEEDED = {"return_id", "move_ids"}
BY_HAND = "Make the return in Odoo by hand (Inventory, the delivery, Return)."
OPEN = ("draft", "waiting", "confirmed", "assigned")

Row = dict[str, Any]


def post_return(site: Site, document: Document, work: Work) -> Posted:
    """Makes Odoo show the return, see `ReturnPost.ensure`."""
    return site.retried(lambda _: ReturnPost(site.client, site.catalog, document, work).ensure())


def shown_return(site: Site, document: Document, work: Work) -> Document | None:
    """The return's status and quantities as its transfers show them; None without any."""
    return ReturnPost(site.client, site.catalog, document, work).shown()


class ReturnPost:
    """One post of one return document."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._key: str = document["key"]
        self._sent = Sent(client, catalog, document, work)

    def ensure(self) -> Posted:
        """Transfers that bring the goods back, confirmed and not validated; none of them once it is cancelled.

        Raises `Hold` for more than was delivered, for what is not delivered yet, for parts of a kit, and for a return
        that was changed after its transfers were made.
        """
        self._check_version()
        transfers = self._transfers()
        if self._document["cancelled"]:
            return self._ensure_none(transfers)
        if transfers:
            self._check_same(transfers)
            self._work.found("return.load", f"{_names(transfers)} is there")
        else:
            transfers = self._load()
        self._check_open(transfers)
        self._check_enough(transfers)
        self._ensure_ready(transfers)
        return _posted(transfers)

    def shown(self) -> Document | None:
        """See `shown_return`."""
        transfers = self._transfers()
        if not transfers:
            return None
        lines = self._document["lines"] if self._is_same(transfers) else []
        return {"cancelled": all(row["state"] == "cancel" for row in transfers), "lines": lines}

    def _ensure_ready(self, transfers: list[Row]) -> None:
        """Confirms and reserves, as the wizard does: what is only confirmed waits for ever (seen in Odoo 19)."""
        if drafts := [row["id"] for row in transfers if row["state"] == "draft"]:
            request = self._client.request("stock.picking", "action_confirm", drafts)
            self._work.perform("return.confirm", request, self._client.send)
        going = [row["id"] for row in transfers if row["state"] in OPEN]
        domain = [["picking_id", "in", going], ["state", "in", ["waiting", "confirmed"]]]
        rows = self._client.call("stock.move", "search_read", domain=domain, fields=["picking_id"]) if going else []
        if waiting := sorted({row["picking_id"][0] for row in rows}):  # the transfer itself says ready before it is
            request = self._client.request("stock.picking", "action_assign", waiting)
            self._work.perform("return.assign", request, self._client.send)

    def _check_version(self) -> None:
        if not self._catalog.fields("stock.picking") >= NEEDED:
            raise Hold(
                "this Odoo has no transfers for returns, or it is older than 17",
                hint=f"{BY_HAND} {{again}}",
                code="no_returns",
            )

    def _transfers(self) -> list[Row]:
        """Those that were made for the return, without what was left behind of them."""
        known = self._work.known(ENTITY, self._key)
        ids = [int(id) for id in known.split("/")] if known else self._found()
        rows = self._client.call("stock.picking", "read", ids, fields=["name", "state"]) if ids else []
        if len(rows) < len(ids):
            raise Hold(
                "a transfer of the return was deleted in Odoo",
                hint=f"It is not made twice. {BY_HAND}",
                code="record_missing",
            )
        return [dict(row) for row in rows]

    def _found(self) -> list[int]:
        """By their external ids, among all transfers that bring goods of the order back."""
        back = sorted({part["picking_id"][0] for part in self._sent.back})
        names = our_names(self._client, "stock.picking", back)
        wanted = {self._name(picking, place) for picking in self._sent.pickings for place in self._locations()}
        return [id for id in back if (name := names.get(id)) and (name in wanted or self._is_ours(name))]

    def _is_ours(self, name: str) -> bool:
        parts = read_external_id(name)
        return parts is not None and parts[:2] == (ENTITY, self._key)

    def _name(self, picking: int, location: int | None) -> str:
        return external_id(ENTITY, self._key, str(picking), *([str(location)] if location else []))

    def _locations(self) -> list[int | None]:
        return list(dict.fromkeys(self._location(line["location"]) for line in self._document["lines"]))

    def _location(self, name: str) -> int | None:
        """Where these goods go; None for wherever Odoo receives what comes back."""
        return None if name == STOCK else self._catalog.location(name)

    def _load(self) -> list[Row]:
        parts = spread(self._document["lines"], self._sent, self._catalog)
        rows = [row for place in self._places(parts) for row in self._rows(*place)]
        made = load_all(self._client, self._work, "return.load", "stock.picking", rows)
        for id in made.values():
            self._work.remember(TRANSFER, f"{self._key}/{id}", str(id))
        self._work.remember(ENTITY, self._key, "/".join(str(id) for id in sorted(made.values())))
        return self._transfers()

    def _places(self, parts: list[Part]) -> list[tuple[int, int | None, list[Part]]]:
        places: dict[tuple[int, int | None], list[Part]] = {}
        for part in parts:
            places.setdefault((part.move["picking_id"][0], self._location(part.location)), []).append(part)
        return [(picking, location, of) for (picking, location), of in places.items()]

    def _rows(self, picking: int, location: int | None, parts: list[Part]) -> list[Row]:
        """The transfer with its moves, as the wizard makes them; its first move is in its own row."""
        head = {"id": f"__clarity__.{self._name(picking, location)}", **self._head(picking, location)}
        moves = [self._move(part, location) for part in parts]
        return [{**head, **moves[0]}, *moves[1:]]

    def _head(self, picking: int, location: int | None) -> Row:
        fields = ["picking_type_id", "partner_id", "sale_id", "location_id", "location_dest_id"]
        left = self._client.call("stock.picking", "read", [picking], fields=fields)[0]
        back = (self._type(left["picking_type_id"][0])["return_picking_type_id"] or left["picking_type_id"])[0]
        how = self._type(back)
        own = how["default_location_dest_id"] if how["code"] == "incoming" else left["location_id"]
        return {
            "picking_type_id/.id": back,
            "return_id/.id": picking,
            "sale_id/.id": left["sale_id"][0],
            "partner_id/.id": left["partner_id"][0] if left["partner_id"] else None,
            "origin": f"Return {self._document['number'] or self._key}",
            "location_id/.id": left["location_dest_id"][0],
            "location_dest_id/.id": location or own[0],
        }

    def _type(self, id: int) -> Row:
        fields = ["code", "return_picking_type_id", "default_location_dest_id"]
        return dict(self._client.call("stock.picking.type", "read", [id], fields=fields)[0])

    def _move(self, part: Part, location: int | None) -> Row:
        move = part.move
        name = external_id("return_line", self._key, part.line, str(move["id"]), *([str(location)] if location else []))
        row = {
            "id": f"__clarity__.{name}",
            "product_id/.id": move["product_id"][0],
            "product_uom/.id": move["product_uom"][0],
            "product_uom_qty": part.quantity,
            "sale_line_id/.id": move["sale_line_id"][0],
            "origin_returned_move_id/.id": move["id"],
            "move_orig_ids/.id": move["id"],
        }
        known = self._catalog.fields("stock.move")
        added = {
            "to_refund": 1,
            "name": self._document["number"] or self._key,
        }  # a move has no name of its own since 19
        row |= {name: value for name, value in added.items() if name in known}
        return {f"move_ids/{name}": value for name, value in row.items()}

    def _check_enough(self, transfers: list[Row]) -> None:
        """Two returns that come at once may each find the same goods: the later one is held before it is confirmed."""
        newest = max(row["id"] for row in transfers)
        if all(row["state"] != "draft" for row in transfers):
            return
        for move in Sent(self._client, self._catalog, self._document, self._work, upto=newest).moves:
            if move["left"] < 0:
                raise Hold(
                    "another return takes the same goods back",
                    hint="Cancel in Odoo the transfer that is too much, or correct {origin}. {again}",
                    code="more_than_delivered",
                )

    def _check_same(self, transfers: list[Row]) -> None:
        """What is received cannot differ; of what is still to come, a change is for a person."""
        if all(row["state"] in OPEN for row in transfers) and not self._is_same(transfers):
            raise Hold(
                f"the return was changed after {_names(transfers)} was made in Odoo",
                hint="Correct the transfer in Odoo by hand, and close this with `fleet held resolve`.",
                code="return_changed",
            )

    def _check_open(self, transfers: list[Row]) -> None:
        if all(row["state"] == "cancel" for row in transfers):
            raise Hold(
                f"{_names(transfers)} is cancelled in Odoo, and the return is approved in Clarity",
                hint=f"Reject or cancel the return in Clarity; or, if the goods come back: {BY_HAND}",
                code="cancelled_at_target",
            )

    def _is_same(self, transfers: list[Row]) -> bool:
        ids = {row["id"] for row in transfers}
        found: dict[int, Decimal] = {}
        for part in self._sent.returned:
            if part["picking_id"][0] in ids and part["sale_line_id"]:
                line = part["sale_line_id"][0]
                found[line] = found.get(line, Decimal(0)) + exact(part["product_uom_qty"])
        wanted: dict[int, Decimal] = {}
        for line in self._document["lines"]:
            of = self._sent.line(line["order_line_id"])
            own = self._catalog.converted(line["quantity"], of["uom"], self._catalog.own_uom(of["product"]))
            wanted[of["id"]] = wanted.get(of["id"], Decimal(0)) + own
        return found == wanted

    def _ensure_none(self, transfers: list[Row]) -> Posted:
        if any(row["state"] == "done" for row in transfers):
            raise Hold(
                f"{_names(transfers)} is received in Odoo, but the return is cancelled in Clarity",
                hint="Send the goods to the customer again, or receive the return in Clarity, too. {again}",
                code="received",
            )
        going = [row["id"] for row in transfers if row["state"] in OPEN]
        if going:
            request = self._client.request("stock.picking", "action_cancel", going)
            self._work.perform("return.cancel", request, self._client.send)
        return _posted(transfers) if transfers else Posted(None, None)


def _names(transfers: list[Row]) -> str:
    return ", ".join(row["name"] for row in transfers)


def _posted(transfers: list[Row]) -> Posted:
    return Posted("/".join(str(row["id"]) for row in sorted(transfers, key=lambda row: row["id"])), _names(transfers))
