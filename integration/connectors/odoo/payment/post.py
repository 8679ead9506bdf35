"""A payment at Odoo: one ``account.payment`` that is posted and set off against the invoices of its order.

A list of ensure steps, each of which looks before it acts.  ``load()`` makes one record of one external id, but a
second ``load()`` of the same row takes the outstanding account from it, and what is posted then has no journal entry
(Odoo 19).  So it is called where nothing is there only, and a draft that is not as it should be is made anew.
"""

from __future__ import annotations

from typing import Any

from integration.canonical.payment import CAPTURED, CHARGED_BACK
from integration.connectors.contract import Document, Posted, Request, Work
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import exact, text
from integration.connectors.odoo.errors import loaded
from integration.connectors.odoo.external import find, load_request, our_names, xmlid
from integration.connectors.odoo.payment import refusals
from integration.connectors.odoo.payment.matching import Matching
from integration.connectors.odoo.payment.order import PaidOrder, paid_order
from integration.connectors.odoo.site import Site
from integration.errors import Retry, Skip
from integration.message import external_id

MODEL, ENTITY = "account.payment", "payment"
DRAFT, CANCELLED = "draft", {"canceled", "cancel", "rejected"}
READ = (
    *("name", "state", "amount", "currency_id", "partner_id", "journal_id", "move_id", "memo"),
    *("is_reconciled", "is_matched", "outstanding_account_id", "reconciled_invoice_ids"),
)
MOST_OF_ONE_ORDER = 200

Row = dict[str, Any]


class PaymentPost:
    """One post of one payment document."""

    def __init__(self, client: Client, catalog: Catalog, document: Document, work: Work) -> None:
        self._client = client
        self._catalog = catalog
        self._document = document
        self._work = work
        self._key: str = document["key"]
        self._name = xmlid(ENTITY, self._key)

    def ensure(self) -> Posted:
        """Makes Odoo show the document.

        Raises `Skip` for a method that is not posted, and `Hold` for what `refusals` names.
        """
        theirs = self._work.known(ENTITY, self._key)
        row = self._read(int(theirs)) if theirs else None
        if self._document["status"] != CAPTURED:
            return self._ensure_taken_back(row)
        if self._document["journal"] is None:
            raise Skip("payments of this method are not posted in Odoo", settles=True)
        if theirs and row is None and not self._work.approved(refusals.NEW, self._key, theirs):
            raise refusals.gone(self._document, theirs)
        order = paid_order(self._client, self._work, self._document["order"])
        row = self._ensure_posted(row, order)
        Matching(self._client, self._work).match(row["move_id"][0], order.invoices)
        return Posted(str(row["id"]), text(row["name"]))

    def _ensure_posted(self, row: Row | None, order: PaidOrder) -> Row:
        """The payment with its journal entry."""
        if row is None:
            refusals.check_currency(self._document, order)
            journal = self._catalog.journal(self._document["journal"])
            row, others = self._there(order)
            if row is None:
                refusals.check_total(self._document, order, others, self._work)
                row = self._made(order, journal, "payment.load")
        if row["state"] in CANCELLED:
            raise refusals.cancelled_there()
        if row["state"] != DRAFT:
            refusals.check_same(self._document, row)
        else:
            row = self._post(self._as_it_should_be(row, order))
        if not row["move_id"]:
            raise refusals.no_account(self._document["journal"])
        return row

    def _as_it_should_be(self, row: Row, order: PaidOrder) -> Row:
        """The draft, made anew where it was changed, or would be posted without a journal entry."""
        same = exact(row["amount"]) == self._document["amount"] and row["currency_id"][0] == order.currency[0]
        if row["outstanding_account_id"] and same and row["partner_id"][0] == order.customer:
            return row
        request = self._client.request(MODEL, "unlink", [row["id"]])
        self._work.perform(f"payment.unlink:{row['id']}", request, self._client.send, self._unlink_if_there)
        journal = self._catalog.journal(self._document["journal"])
        return self._made(order, journal, f"payment.load:after-{row['id']}")

    def _unlink_if_there(self, frozen: Request) -> Any:
        return self._client.send(frozen) if self._read(frozen.body["ids"][0]) else True

    def _there(self, order: PaidOrder) -> tuple[Row | None, list[Row]]:
        """The payment that Odoo has under our external id, if any, and those of ours that the order has besides."""
        domain = [["memo", "=", self._document["memo"]], ["partner_id", "=", order.customer]]
        fields, limit = list(READ), MOST_OF_ONE_ORDER
        rows = self._client.call(MODEL, "search_read", domain=domain, fields=fields, limit=limit, order="id")
        names = our_names(self._client, MODEL, (row["id"] for row in rows))
        own = [row for row in rows if names.get(row["id"]) == external_id(ENTITY, self._key)]
        ours = [row for row in rows if names.get(row["id"], "").startswith(f"{ENTITY}__")]
        if own:
            self._found(own[0]["id"])
        others = [row for row in ours if row not in own and row["state"] not in {DRAFT, *CANCELLED}]
        return (own[0] if own else None), others

    def _made(self, order: PaidOrder, journal: int, effect: str) -> Row:
        """A draft, made by one ``load()``, with an outstanding account."""
        columns = {
            "id": self._name,
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id/.id": order.customer,
            "journal_id/.id": journal,
            "currency_id/.id": order.currency[0],
            "amount": self._document["amount"],
            "memo": self._document["memo"],
            **{name: value for name, value in self._document["fields"].items() if value is not None},
        }
        request = load_request(self._client, MODEL, [columns])

        def load_if_absent(frozen: Request) -> int:
            there = find(self._client, self._name)
            return there if there else self._load(frozen)

        id = int(self._work.perform(effect, request, self._load, load_if_absent))
        self._work.remember(ENTITY, self._key, str(id))
        row = self._read(id)
        if row is None:
            raise Retry("the payment that was made cannot be read")
        if row["state"] == DRAFT and not row["outstanding_account_id"]:
            raise refusals.no_account(self._document["journal"])
        return row

    def _load(self, frozen: Request) -> int:
        return loaded(self._client.send(frozen), "payment")[0]

    def _post(self, draft: Row) -> Row:
        """Odoo ignores it for one that is posted; one that is cancelled meanwhile stays so, and says nothing."""
        request = self._client.request(MODEL, "action_post", [draft["id"]])
        self._work.perform(f"payment.post:{draft['id']}", request, self._client.send)
        row = self._read(draft["id"])
        if row is None or row["state"] in {DRAFT, *CANCELLED}:
            raise Retry("the payment is not posted yet")
        return row

    def _ensure_taken_back(self, row: Row | None) -> Posted:
        """Cancels a payment that is not captured after all; nothing is done about one that Odoo does not have."""
        if row is None or row["state"] in CANCELLED:
            return Posted(str(row["id"]) if row else None, None)
        if self._document["status"] == CHARGED_BACK:
            raise refusals.charged_back()
        if row["is_reconciled"] or row["is_matched"] or row["reconciled_invoice_ids"]:
            raise refusals.settled(self._document["status"])
        request = self._client.request(MODEL, "action_cancel", [row["id"]])
        self._work.perform("payment.cancel", request, self._client.send, self._cancel_if_open)
        return Posted(str(row["id"]), text(row["name"]))

    def _cancel_if_open(self, frozen: Request) -> Any:
        """Odoo refuses to cancel twice, and takes a payment off its invoices without a word (Odoo 19)."""
        row = self._read(frozen.body["ids"][0])
        if row is None or row["state"] in CANCELLED:
            return None
        return self._client.send(frozen)

    def _read(self, id: int) -> Row | None:
        rows = self._client.call(MODEL, "read", [id], fields=list(READ))
        return dict(rows[0]) if rows else None

    def _found(self, id: int) -> None:
        self._work.remember(ENTITY, self._key, str(id))
        self._work.found("payment.load", f"payment {id} has our external id of the payment")


def post_payment(site: Site, document: Document, work: Work) -> Posted:
    """See `PaymentPost.ensure`."""
    return site.retried(lambda _: PaymentPost(site.client, site.catalog, document, work).ensure())


def shown_payment(site: Site, document: Document, work: Work) -> Document | None:
    """Amount, currency and whether it counts, as Odoo has them; None without one."""
    id = work.known(ENTITY, document["key"]) or find(site.client, xmlid(ENTITY, document["key"]))
    rows = site.client.call(MODEL, "read", [int(id)], fields=list(READ)) if id else []
    if not rows:
        return None
    counts = rows[0]["state"] not in {DRAFT, *CANCELLED}
    status = document["status"] if counts == (document["status"] == CAPTURED) else CAPTURED if counts else "voided"
    return {"amount": exact(rows[0]["amount"]), "currency": rows[0]["currency_id"][1], "status": status}
