"""Shows at Clarity what is billed for an order, and how far it is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.canonical.invoice import STATUSES
from integration.canonical.money import round_money
from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client
from integration.connectors.clarity.order_documents import OrderDocuments, given
from integration.connectors.clarity.problems import InvalidTransition
from integration.connectors.contract import Document, Posted, Request, Work
from integration.errors import Hold

STATUS = "invoice.status"
AMOUNTS = ("total", "tax", "balance")
ISSUED = ("number", "currency", "total", "tax", "issuedOn", "dueOn")
"""What an invoice keeps once it is issued."""


def post_invoice(client: Client, document: Document, work: Work) -> Posted:
    """Lets the order have this invoice, its status and balance as they are now; document: {order_id, status, body}.

    A void or withdrawn one that Clarity never had is not sent.  Raises `Hold` when the invoice that Clarity has was
    issued otherwise, was removed, cannot come to this status or is being corrected in the ERP, and what `Http.send`
    does.
    """
    status, body = document["status"], _written(document["body"])
    invoices = OrderDocuments(client, work, "invoice", document)
    record, new = invoices.find(), False
    if record is None:
        if status in ("void", "withdrawn"):
            return Posted(None, None)
        record, new = invoices.create({**body, "status": status})
    if new:
        invoices.check(str(record["id"]), _money({**body, "status": status}), record, _same)
    elif status == "withdrawn":
        _check_withdrawn(record)
    else:
        # A void invoice bills nothing: whatever else has changed, that has to arrive, and by itself.
        if status != "void":
            _check_issued(body, record)
        state = {"status": status} if status == "void" else given({"status": status, "balance": body.get("balance")})
        _ensure_state(client, work, invoices, state, record)
    return Posted(str(record["id"]), body.get("number"))


def shown_invoice(client: Client, document: Document, work: Work) -> Document | None:
    """The invoice as the order has it, under the document's names; None when it has none."""
    return OrderDocuments(client, work, "invoice", document).shown(_written(document["body"]), _same)


def _check_issued(body: Document, record: Document) -> None:
    differing = [name for name in ISSUED if name in body and not _same(name, body[name], record.get(name))]
    if differing:
        raise Hold(
            f"the invoice was changed in the ERP after it was issued: Clarity has another {', '.join(differing)}",
            hint="Correct it in the ERP by a credit note and a new invoice; or, if Clarity's is wrong, correct it in "
            "Clarity by hand. {again}",
            code="issued_otherwise",
        )


def _check_withdrawn(record: Document) -> None:
    """Raises `Hold` for an invoice that is a draft again: Clarity has no such status, and void would be for ever."""
    if record.get("status") != "void":
        raise Hold(
            "the invoice is a draft again in the ERP, and Clarity shows it as issued",
            hint="Post it again there as it was, or cancel it: then Clarity follows. To change it, credit it in full "
            "and make a new one. {again}",
            code="withdrawn",
        )


def _ensure_state(client: Client, work: Work, invoices: OrderDocuments, state: Document, record: Document) -> None:
    if all(_same(name, value, record.get(name)) for name, value in state.items()):
        work.found(STATUS, f"{record['id']} is {state['status']}")
        return
    # A refused key is refused for ever, so each version of the invoice gets a key of its own.
    key = work.idempotency_key(f"{STATUS}:{record['version']}")
    path = f"{invoices.path(record)}/status"
    try:
        answer = work.perform(STATUS, Request("POST", path, state, {"Idempotency-Key": key}), client.send)
    except InvalidTransition as refused:
        current, wanted = str(record.get("status")), state["status"]
        raise Hold(
            f"Clarity has the invoice as {current if current in STATUSES else 'a status we do not know'}, "
            f"which cannot become {wanted}",
            hint=f"See in the ERP why it is {wanted} now, a payment taken back for instance; if that is right, set the "
            f"invoice in Clarity to {wanted} by hand. {{again}}",
            code="no_way",
        ) from refused
    invoices.check(str(record["id"]), state, answer if isinstance(answer, dict) else {}, _same)


def _money(invoice: Document) -> Document:
    """What Clarity must not take otherwise: it may write numbers and days in its own way."""
    return {name: invoice[name] for name in (*AMOUNTS, "currency", "status") if name in invoice}


def _written(body: Document) -> Document:
    currency = body["currency"]
    return given(
        body | {name: _amount(Decimal(body[name]), currency) for name in AMOUNTS if body.get(name) is not None}
    )


def _amount(amount: Decimal, currency: str) -> str:
    """In the digits of the currency; a finer amount keeps its own digits, and Clarity refuses it."""
    whole = round_money(amount, currency)
    return f"{whole if whole == amount else amount:f}"


def _same(name: str, ours: Any, theirs: Any) -> bool:
    return to_number(ours) == to_number(theirs) if name in AMOUNTS else bool(ours == theirs)
