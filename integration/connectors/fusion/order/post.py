"""An order at Fusion: a list of ensure steps, each of which looks before it acts.

Source system and id are unique there, so an order is created once: Fusion refuses it a second time.  It is looked up
first where a crossref says that it is there, and where it is unknown whether an earlier try has created it; and after
a refusal, whatever its words.  Creating it also submits it, and Fusion answers 201 even when it would not submit: the
order is a draft then, which is held with Fusion's words and on the next run brought up to date and submitted, not
created again.  An order that is submitted gets the difference only.  What its state forbids is held.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from integration.canonical.money import format_money
from integration.connectors.answers import reading, to_number, unreadable
from integration.connectors.contract import Document, Posted, Request, Work
from integration.connectors.fusion.answers import order_lines
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.errors import AlreadyThere, NoSuchResource, NotThere
from integration.connectors.fusion.order.difference import (
    AMOUNTS,
    DRAFT,
    Difference,
    Row,
    cancelled,
    difference,
    is_canceled,
    is_shipped,
    rows_of,
    same,
)
from integration.connectors.fusion.order.enrich import ids, with_account
from integration.connectors.fusion.order.payload import Payload
from integration.connectors.fusion.order.prices import OTHER_AMOUNTS
from integration.connectors.fusion.site import Site
from integration.connectors.http import LARGEST_EXCERPT, plain
from integration.errors import Hold, Reject, Retry

CHARGES = "charges.chargeComponents"
EXPAND = f"billToCustomer,shipToCustomer,totals,lines.{CHARGES}"
NOT_SUBMITTED = "not_submitted"
GRAND_TOTAL = "QP_TOTAL_PAY_NOW"


def post_order(site: Site, document: Document, work: Work) -> Posted:
    """Makes Fusion show the order, see `OrderPost.ensure`."""

    def ensure(found: Document) -> Posted:
        payload = site.payload(found, work.accepts)
        return OrderPost(site.client, site.resource, payload, work).ensure()

    document = with_account(site, document, work)
    try:
        return ensure(document)
    except (Hold, Reject) as refused:
        if document["status"] == "cancelled" or not (refused.code == NOT_SUBMITTED or isinstance(refused, Reject)):
            raise
        site.directory.forget()  # a site that is remembered may not be there any more
        afresh = ids(site, document, work)
        if afresh == document["ids"]:
            raise
    return ensure(with_account(site, {**document, "ids": afresh}, work))


class OrderPost:
    """One post of one order document that `enrich` has completed; ``resource`` is what the pod calls sales orders."""

    def __init__(self, client: Client, resource: str, payload: Payload, work: Work) -> None:
        self._client = client
        self._payload = payload
        self._document: Document = payload.document
        self._work = work
        self._collection = client.path(resource)
        self._path = client.path(resource, payload.order_key)

    def ensure(self) -> Posted:
        """Makes Fusion show the document, submitted.

        Raises `Hold` with Fusion's words when it would not submit the order, when the charges do not come to
        Clarity's total (before anything is sent), and for what the order's state forbids.
        """
        if self._document["status"] == "cancelled":
            order = self._look()
            return self._ensure_cancelled(order) if order else Posted(None, None)
        order = self._look() if self._work.known("order", self._document["key"]) else None
        if order is None:
            order = self._create()
        else:
            self._work.found("order.create", _evidence(order))
            order = self._ensure_shown(order)
        return self._posted(order)

    def _look(self) -> Row | None:
        """The order as Fusion has it; None when there is none."""
        try:
            return self._client.get(self._path, expand=EXPAND)
        except NotThere:
            if self._document["status"] != "cancelled" and self._work.known("order", self._document["key"]):
                raise Hold(
                    "the order is not in Fusion any more",
                    hint="If it is there, give the integration user data access to its business unit. {again} "
                    "If not, enter it in Fusion by hand: it is not created twice, and its later changes are held, too.",
                    code="record_missing",
                ) from None
            return None

    def _create(self) -> Row:
        """The order, created and submitted; or the existing one, brought up to date."""
        request = self._client.write("POST", self._collection, self._payload.create())
        created: list[Row] = []

        def send(frozen: Request) -> Row:
            created.append(self._send_submitting(frozen))
            return created[0]

        def send_if_absent(frozen: Request) -> Row:
            if self._look() is not None:
                raise AlreadyThere("an earlier try has created the order", hint="", code="already_there")
            return send(frozen)

        try:
            self._work.perform("order.create", request, send, send_if_absent)
        except NotThere as absent:
            raise NoSuchResource(self._collection) from absent
        except Reject:
            found = self._look()
            if found is None:
                raise
            self._work.found("order.create", _evidence(found))
            return self._ensure_shown(found)
        # Not sent, for it was created earlier in this round: what Fusion answered then may have changed.
        return self._compared(created[0]) if created else self._ensure_shown(self._shown())

    def _ensure_shown(self, order: Row) -> Row:
        """The order that Fusion has, submitted and without difference to the document."""
        if order.get("StatusCode") in ("CANCELED", "CLOSED"):
            self._refuse_finished(order)
        differs, draft = self._difference_seen_twice(order), is_draft(order)
        if not draft:
            self._work.found("order.submit", _evidence(order))
            if differs.fixed:
                raise _differs(order, differs, "; ".join(sorted(differs.fixed)))
        if not differs:
            self._check_total(order)
            if not draft:
                self._work.found("order.update", f"{_evidence(order)} and shows the document")
                return order
        try:
            if draft:
                return self._compared(self._change("order.submit", differs, self._send_submitting))
            return self._change("order.update", differs, self._send_and_verify)
        except Reject as refused:
            raise _differs(order, differs, refused.reason) from refused

    def _change(self, effect: str, differs: Difference, send: Callable[[Request], Row]) -> Row:
        """Adds the lines that are missing, then sends all other changes, and submits, in one PATCH."""
        for line in differs.added:
            request = self._client.write("POST", f"{self._path}/child/lines", line)
            self._work.perform(f"order.add_line:{line['SourceTransactionLineId']}", request, self._client.send)
        lines = differs.lines(self._document["cancel_reason"])
        body = {**differs.header, "SubmittedFlag": True, **({"lines": lines} if lines else {})}
        order: Row = self._work.perform(effect, self._client.write("PATCH", self._path, body), send)
        return order

    def _send_submitting(self, request: Request) -> Row:
        """Raising inside the effect keeps it from counting as done, so the next run tries again."""
        order = self._client.send(request)
        if is_draft(order) or not order.get("OrderNumber"):
            raise _not_submitted(order)
        return order

    def _send_and_verify(self, request: Request) -> Row:
        self._send_submitting(request)
        order = self._client.get(self._path, expand=EXPAND)
        if differs := self._difference(order):
            raise _differs(order, differs, "Fusion took the change but does not show it")
        self._check_total(order)
        return order

    def _difference(self, order: Row) -> Difference:
        ignored = AMOUNTS if self._work.accepts(Decimal(0)) else ()
        return difference(self._payload, order, self._lines(order), ignored)

    def _difference_seen_twice(self, order: Row) -> Difference:
        """A line is added or cancelled only where two answers agree that it is missing, or that it is one too many."""
        differs = self._difference(order)
        if differs.added or differs.vanished:
            again = self._difference(self._client.get(self._path, expand=EXPAND))
            if (again.added, again.vanished) != (differs.added, differs.vanished):
                raise _other_answer()
        return differs

    def _lines(self, order: Row) -> list[Row]:
        found = self._client.children(order, "lines", self._path, expand=CHARGES)
        with reading(f"the lines of {self._path}"):
            return order_lines(found)

    def _compared(self, order: Row) -> Row:
        """The order that was just submitted: its lines and total are Clarity's.  It is asked for if the answer lacks
        them: the answer to a POST may be no more than what was sent.

        Prices are frozen, so whatever else it shows is not what the customer has agreed to.
        """
        if not order.keys() >= {"lines", "totals"}:
            order = {**order, **self._shown()}
        differs = self._difference(order)
        if differs.added or differs.vanished:
            raise _other_lines(order, differs)
        if amounts := differs.names & AMOUNTS:
            ours = self._document["amount_total"]
            differences = [abs(each - ours) for each in self._other_totals(order) if each is not None]
            raise _other_amounts(order, ", ".join(sorted(amounts)), max(differences, default=Decimal(0)))
        self._check_total(order)
        return order

    def _shown(self) -> Row:
        try:
            return self._client.get(self._path, expand=EXPAND)
        except NotThere as absent:
            raise Retry("Fusion does not show the order that it has just taken", code="not_there_yet") from absent

    def _check_total(self, order: Row) -> None:
        """Compares Fusion's total with Clarity's, where Fusion shows it."""
        ours, currency = self._document["amount_total"], self._document["currency"]
        for theirs in self._other_totals(order):
            difference = None if theirs is None else abs(theirs - ours)
            if difference is None or not self._work.accepts(difference):
                shown = "no number" if theirs is None else format_money(theirs, currency)
                raise _other_amounts(order, f"{shown} instead of {format_money(ours, currency)}", difference)

    def _other_totals(self, order: Row) -> list[Decimal | None]:
        """The totals that Fusion shows and that are not Clarity's; None for one that is no number."""
        shown = [row.get("TotalAmount") for row in rows_of(order.get("totals")) if row.get("TotalCode") == GRAND_TOTAL]
        numbers = (to_number(each) for each in shown if not same(self._document["amount_total"], each))
        return [None if each is None else round(each, 6) for each in numbers]

    def _ensure_cancelled(self, order: Row) -> Posted:
        if is_draft(order):
            self._work.perform("order.delete", self._client.write("DELETE", self._path, None), self._client.send)
            return self._posted(order)
        lines = self._open_lines(order)
        if lines != self._open_lines(self._client.get(self._path, expand=EXPAND)):
            raise _other_answer()  # what is left out of a cancellation stays ordered
        if not lines:
            self._work.found("order.cancel", _evidence(order))
            return self._posted(order)
        if any(is_shipped(line) for line in lines):
            raise Hold(
                f"order {order.get('OrderNumber')} is shipped or billed in Fusion, so it is not cancelled",
                hint="Take the goods back and credit the invoice in Fusion by hand. Fusion does not cancel "
                "what is shipped, so this stays held.",
                code="delivered",
            )
        body = {"lines": cancelled(lines, self._document["cancel_reason"])}
        self._work.perform("order.cancel", self._client.write("PATCH", self._path, body), self._client.send)
        order = self._client.get(self._path, expand=EXPAND)
        if self._open_lines(order):
            raise Retry(f"order {order.get('OrderNumber')}: Fusion has not cancelled all lines yet", code="cancelling")
        return self._posted(order)

    def _open_lines(self, order: Row) -> list[Row]:
        return [line for line in self._lines(order) if not is_canceled(line) and line.get("OrderedQuantity") != 0]

    def _refuse_finished(self, order: Row) -> None:
        if order["StatusCode"] == "CANCELED":
            raise Hold(
                f"order {order.get('OrderNumber')} is cancelled in Fusion, but not in Clarity",
                hint="Cancel the order in Clarity, too; if it is still wanted, place a new one there.",
                code="cancelled_at_target",
            )
        if differs := self._difference(order):
            raise _differs(order, differs, "the order is closed")

    def _posted(self, order: Row) -> Posted:
        """Known by source system and id: the header's id changes with every revision."""
        number = order.get("OrderNumber")
        return Posted(self._payload.order_key, str(number) if number else None)


def is_draft(order: Row) -> bool:
    """Whether the order is saved, but not submitted."""
    status = order.get("StatusCode")
    return status == DRAFT if status else str(order.get("SubmittedFlag")).lower() != "true"


def _other_answer() -> Retry:
    return unreadable("Fusion shows other lines of the order the second time")


def _not_submitted(order: Row) -> Hold:
    said = str(order.get("MessageText") or "without a message")
    number = order.get("OrderNumber")
    held = Hold(
        f"Fusion saved order {number} as a draft, but did not submit it: {plain(said)}",
        hint=f"Look at the messages of order {number} in Fusion (Order Management), correct there what they name, or "
        "the order in Clarity. {again} The draft is brought up to date and submitted.",
        code=NOT_SUBMITTED,
    )
    held.excerpt = json.dumps(order, default=str).encode()[:LARGEST_EXCERPT]
    return held


def _other_amounts(order: Row, which: str, difference: Decimal | None) -> Hold:
    return Hold(
        f"order {order.get('OrderNumber')} has other amounts in Fusion than in Clarity: {which}",
        hint="Check in Fusion whether the order was priced again although its prices are frozen, or a line was "
        "added by hand (Order Management); correct it there. {again}",
        code=OTHER_AMOUNTS,
        difference=difference,
    )


def _other_lines(order: Row, differs: Difference) -> Hold:
    number, missing, more = order.get("OrderNumber"), len(differs.added), len(differs.vanished)
    return Hold(
        f"order {number} has other lines in Fusion than in Clarity: {missing} missing, {more} more",
        hint=f"Compare the lines of order {number} in Fusion (Order Management) with the order in Clarity, and correct "
        "them there. {again}",
        code="other_lines",
    )


def _differs(order: Row, differs: Difference, why: str) -> Hold:
    number, names = order.get("OrderNumber"), ", ".join(sorted(differs.names))
    return Hold(
        f"order {number} differs in Fusion and could not be changed ({names}): {why}",
        hint=f"Change order {number} in Fusion by hand so that it shows Clarity's order. {{again}}",
        code="cannot_change",
    )


def _evidence(order: Row) -> str:
    return f"order {order.get('OrderNumber')} is {order.get('StatusCode')}"
