"""An order at Odoo: a list of ensure steps, each of which looks before it acts.

``load()`` while the order is absent or a draft, compare the totals, confirm, put the date back.  ``load()`` is also
the look: it goes by the external id, and Odoo refuses it on a confirmed order because the pricelist is among its
columns (since 17; older servers are asked first).  A confirmed order gets the difference only, by verb.  What the
order's state forbids is held.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from integration.canonical.unique import by_key
from integration.connectors.contract import Document, Posted, Request, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import CONTEXT, Client
from integration.connectors.odoo.customer.completion import Completion
from integration.connectors.odoo.customer.partner import UNREAD
from integration.connectors.odoo.decode import moment, written
from integration.connectors.odoo.errors import WrongState, loaded
from integration.connectors.odoo.external import find, load_request, xmlid
from integration.connectors.odoo.order import contacts, difference
from integration.connectors.odoo.order.dependents import Dependents
from integration.connectors.odoo.order.enrich import ids
from integration.connectors.odoo.order.lines import lines_of, names_of, our_lines
from integration.connectors.odoo.order.reassignment import reassigned
from integration.connectors.odoo.order.rounding import OrderTotal
from integration.connectors.odoo.order.rows import Row, is_ours, line_id, line_rows, order_rows, tax_field
from integration.connectors.odoo.site import Site
from integration.errors import Hold, Reject

DRAFT = {"draft", "sent"}
CONFIRMED = {"sale", "done"}  # "done" is a locked order, until 16
READ = (
    *("name", "state", "amount_total", "currency_id", "company_id", "date_order", "order_line"),
    *contacts.PLACES.values(),
)
"""Of every order; of one that is to show a document also what that states."""


def post_order(site: Site, document: Document, work: Work) -> Posted:
    """Makes Odoo show the order, see `OrderPost.ensure`."""
    carries = site.system.carries_rounding

    def ensure(anew: bool) -> Posted:
        found = {**document, "ids": ids(site, document, work, verify=True)} if anew else document
        try:
            return OrderPost(site.client, site.catalog, found, work, carries_rounding=carries).ensure()
        except Reject as refused:
            if found["ids"].get(UNREAD):  # a contact that was not read may be why: if so, that is what to say
                raise contacts.changed(refused.reason) from refused
            raise

    return site.retried(ensure)


class OrderPost:
    """One post of one order document that `enrich` has completed."""

    def __init__(
        self, client: Client, catalog: Catalog, document: Document, work: Work, *, carries_rounding: bool = True
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._total = OrderTotal(client, catalog, document, work, carries=carries_rounding)

    def ensure(self) -> Posted:
        """Makes Odoo show the document.

        Raises `Hold` when the totals differ (before anything is confirmed) and for what the order's state forbids.
        """
        if self._document["status"] == "cancelled":
            return self._ensure_none()
        order = self._look()
        if order is None or order["state"] in DRAFT:
            order = self._ensure_loaded(order)
        if order["state"] in DRAFT:
            carried = self._total.ensure(order, self._read)
            order = self._ensure_confirmed(order)
        elif order["state"] in CONFIRMED:
            order = self._ensure_updated(order)
            carried = self._total.ensure(order, self._read)
        else:
            raise Hold(
                f"{order['name']} is cancelled in Odoo, but not in Clarity",
                hint="Cancel the order in Clarity, too; or set it to quotation in Odoo. {again}",
                code="cancelled_at_target",
            )
        self._ensure_date(order)
        return replace(_posted(order), rounding=carried)

    def _look(self) -> Row | None:
        """The order as Odoo has it; None when it is absent, or when load() will find out."""
        known = self._work.known("order", self._document["key"])
        if known:
            return self._read(int(known))
        if self._client.dialect.guards_confirmed:
            return None
        id = self._find()
        return self._read(id) if id else None

    def _find(self) -> int | None:
        return find(self._client, xmlid("order", self._document["key"]))

    def _read(self, id: int) -> Row:
        order = self._read_or_none(id)
        if order is None:
            raise Hold(
                "the order was deleted in Odoo",
                hint="It is not created twice: enter it in Odoo by hand. Its later changes are held, too.",
                code="record_missing",
            )
        return order

    def _read_or_none(self, id: int) -> Row | None:
        """The order with this id; None when it is gone, which one answer alone does not prove."""
        stated = difference.order_columns(self._document) if self._document["status"] != "cancelled" else ()
        columns = sorted({*READ, *stated})
        for _ in range(2):
            if rows := self._client.call("sale.order", "read", [id], fields=columns):
                return dict(rows[0])
        return None

    def _ensure_loaded(self, draft: Row | None) -> Row:
        """The order as it is after load(): as a draft that shows the document, or in another state."""
        request = load_request(self._client, "sale.order", order_rows(self._document, self._line_fields()))
        try:
            id = int(self._load(self._loading(draft), request)[0])
        except Reject:
            # The guard of a confirmed order?  Its wording is Odoo's business; whether the order exists decides.
            found = self._find()
            if found is None or self._read(found)["state"] in DRAFT:
                raise
            id = found
        self._work.remember("order", self._document["key"], str(id))
        order = self._read_loaded(id)
        if order["state"] in DRAFT and len(order["order_line"]) > len(self._document["lines"]):
            return self._drop_vanished_lines(order)
        return order

    def _loading(self, draft: Row | None) -> str:
        """The effect.  A draft that was loaded for other contacts, maybe in this round, is loaded again."""
        wanted = {column: self._document["ids"][place] for place, column in contacts.PLACES.items()}
        if draft and any(draft[column] and draft[column][0] != id for column, id in wanted.items()):
            return f"order.load:{'-'.join(map(str, wanted.values()))}"
        return "order.load"

    def _read_loaded(self, id: int) -> Row:
        """The order after load(); `StaleReference` where it is not for its customer as that was remembered."""
        if UNREAD not in self._document["ids"]:
            return self._read(id)
        order = contacts.read(self._client, id, READ)
        company = self._catalog.company()["id"]
        if order is None or order["state"] not in DRAFT or not contacts.are_usable(order, self._document, company):
            raise contacts.changed("the customer is not as it was remembered")
        Completion(self._client, self._work).ensure(order["partner_id"], self._document)
        return order

    def _drop_vanished_lines(self, order: Row) -> Row:
        wanted = {line_id(self._document, line) for line in self._document["lines"]}
        names = names_of(self._client, order)
        vanished = sorted(id for id, name in names.items() if is_ours(name) and name not in wanted)
        if not vanished:
            return order  # somebody's own lines in Odoo: the totals will say so
        self._perform("order.drop_lines", "write", order, vals={"order_line": [[2, id, 0] for id in vanished]})
        return self._read(order["id"])

    def _ensure_confirmed(self, order: Row) -> Row:
        try:
            request = self._client.request("sale.order", "action_confirm", [order["id"]])
            self._work.perform("order.confirm", request, self._confirm)
        except WrongState:
            order = self._read(order["id"])
            if order["state"] not in CONFIRMED:
                raise
            self._work.found("order.confirm", _evidence(order))
            return order
        return {**order, "state": "sale", "date_order": None}  # Odoo puts the time of the confirmation there

    def _confirm(self, request: Request) -> Any:
        """Odoo answers True.  A module may answer with a window that asks something first, and do nothing."""
        answer = self._client.send(request)
        if answer is not True:
            raise WrongState(
                "Odoo asks something before it confirms the order",
                hint="Confirm the order in Odoo by hand and answer what it asks. {again}",
                code="asks_first",
            )
        return answer

    def _ensure_updated(self, order: Row) -> Row:
        """Brings a confirmed order to show the document, by the difference only."""
        self._work.found("order.load", _evidence(order))
        self._work.found("order.confirm", _evidence(order))
        fields = self._line_fields()
        tax = tax_field(fields)
        rows = by_key(line_rows(self._document, fields), lambda row: str(row["id"]))
        theirs = our_lines(self._client, order, difference.line_columns(rows, tax))
        values = difference.order_changes(self._document, order)
        values = reassigned(self._client, self._work, order, self._document, values)
        commands = difference.line_commands(rows, theirs, tax)
        Dependents(self._client, self._catalog, self._work, order).follow(values)
        if "partner_id" in values:  # Odoo takes terms and note from a new customer, unless they are written with it
            values = difference.order_values(self._document, order) | values
        if commands:
            values |= {"order_line": commands, **self._date_of_moves(commands)}
        if values:
            self._perform("order.update", "write", order, vals=values)
        else:
            self._work.found("order.update", f"{order['name']} shows the document")
        added = [{**row, "order_id/.id": order["id"]} for name, row in rows.items() if name not in theirs]
        if added:
            self._load("order.add_lines", load_request(self._client, "sale.order.line", added))
        return self._read(order["id"]) if values or added else order

    def _date_of_moves(self, commands: list[Any]) -> Row:
        """The ``date_order`` from which Odoo made the open transfer, where a quantity changes; Clarity's is put back.

        Odoo takes goods out of a transfer only if the deadline, reckoned from the order's date, is that of the move:
        otherwise it leaves the transfer as it is and makes a receipt of the difference (seen in Odoo 19).
        """
        lines = [id for _, id, changes in commands if "product_uom_qty" in changes]
        if not lines or not {"date_deadline", "sale_line_id"} <= self._catalog.fields("stock.move"):
            return {}
        going = [["state", "not in", ["done", "cancel"]], ["date_deadline", "!=", False]]
        domain, fields = [["sale_line_id", "in", lines], *going], ["date_deadline", "sale_line_id"]
        moves = self._client.call("stock.move", "search_read", domain=domain, fields=fields, order="id", limit=1)
        if not moves:
            return {}
        line = moves[0]["sale_line_id"][0]
        lead = self._client.call("sale.order.line", "read", [line], fields=["customer_lead"])[0]["customer_lead"]
        return {"date_order": written(moment(moves[0]["date_deadline"]) - timedelta(days=float(lead)))}

    def _ensure_date(self, order: Row) -> None:
        date = self._document["order"].get("date_order")
        if date and order["date_order"] != date:
            # By load(), for with it those of several orders are one call; it takes a confirmed one, too (Odoo 19).
            row = {".id": order["id"], "date_order": date}
            self._load("order.date", load_request(self._client, "sale.order", [row]))
        elif date:
            self._work.found("order.date", f"{order['name']} has the date")

    def _ensure_none(self) -> Posted:
        """No order, or a cancelled one; one that was deleted in Odoo needs nothing."""
        known = self._work.known("order", self._document["key"])
        id = int(known) if known else self._find()
        order = self._read_or_none(id) if id else None
        if order:
            return self._ensure_cancelled(order)
        if known:
            self._work.found("order.cancel", f"order {known} is not in Odoo any more")
        return Posted(known, None)

    def _ensure_cancelled(self, order: Row) -> Posted:
        if order["state"] == "cancel":
            self._work.found("order.cancel", _evidence(order))
            return _posted(order)
        self._refuse_delivered(order)
        # Until 16 a wizard asks first, unless the context says otherwise.
        context = {**CONTEXT, "disable_cancel_warning": True}
        self._perform("order.cancel", "action_cancel", order, context=context)
        self._refuse_delivered(order)  # between the look and the cancellation somebody may have shipped
        order = self._read(order["id"])
        if order["state"] != "cancel":
            raise WrongState(
                f"{order['name']} is still in state {order['state']} after it was cancelled",
                hint="Cancel the order in Odoo by hand. {again}",
                code="not_cancelled",
            )
        return _posted(order)

    def _refuse_delivered(self, order: Row) -> None:
        """Odoo itself would cancel an order whose goods have left."""
        columns = ["qty_delivered", "qty_invoiced"]
        lines = lines_of(self._client, order, columns)
        if any(line[column] for line in lines for column in columns):
            raise Hold(
                f"{order['name']} is delivered or invoiced in Odoo, but cancelled in Clarity",
                hint="Take the goods back and credit the invoice in Odoo by hand. {again}",
                code="delivered",
            )

    def _line_fields(self) -> frozenset[str]:
        return self._catalog.fields("sale.order.line")

    def _perform(self, effect: str, method: str, order: Row, **named: Any) -> None:
        request = self._client.request("sale.order", method, [order["id"]], **named)
        self._work.perform(effect, request, self._client.send)

    def _load(self, effect: str, request: Request) -> list[int]:
        ids: list[int] = self._work.perform(effect, request, lambda frozen: loaded(self._client.send(frozen), "order"))
        return ids


def _evidence(order: Row) -> str:
    return f"{order['name']} is in state {order['state']}"


def _posted(order: Row) -> Posted:
    return Posted(str(order["id"]), order["name"])
