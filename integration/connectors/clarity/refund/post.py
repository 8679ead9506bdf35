"""Shows at Clarity what an ERP takes back of what it billed for an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.canonical.money import round_money
from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client
from integration.connectors.clarity.order_documents import OrderDocuments, given
from integration.connectors.clarity.problems import InvalidTransition
from integration.connectors.contract import Document, Posted, Request, Work
from integration.errors import Hold

STATUS = "refund.status"
AMOUNTS = ("amount", "tax")
ROWS = ("lines", "adjustments")
ISSUED = ("number", "invoiceRef", "currency", *AMOUNTS, "issuedOn", *ROWS)
"""What a refund keeps once it is issued."""


def post_refund(client: Client, document: Document, work: Work) -> Posted:
    """Lets the order have this refund, or voids it; document: {order_id, status, body}.

    One that does not count and that Clarity never had is not sent.  Raises `Hold` when the refund that Clarity has was
    issued otherwise, was removed, cannot become void or is being corrected in the ERP, and what `Http.send` does.
    """
    status, body = document["status"], _written(document["body"])
    refunds = OrderDocuments(client, work, "refund", document)
    record, new = refunds.find(), False
    if record is None:
        if status != "issued":
            return Posted(None, None)
        record, new = refunds.create({**body, "status": status})
    if new:
        refunds.check(str(record["id"]), _money({**body, "status": status}), record, _same)
    elif status == "withdrawn":
        _check_withdrawn(record)
    else:
        if status == "issued":
            _check_issued(body, record)
        _ensure_status(client, work, refunds, status, record)
    return Posted(str(record["id"]), body.get("number"))


def shown_refund(client: Client, document: Document, work: Work) -> Document | None:
    """The refund as the order has it, under the document's names; None when it has none."""
    return OrderDocuments(client, work, "refund", document).shown(_written(document["body"]), _same)


def _check_withdrawn(record: Document) -> None:
    if record.get("status") == "issued":
        raise Hold(
            "the credit note is a draft again in the ERP, and Clarity shows its refund as issued",
            hint="Post it again there, or cancel it: then Clarity follows. {again}",
            code="withdrawn",
        )


def _check_issued(body: Document, record: Document) -> None:
    """Raises `Hold` for a refund that was issued with other sums, goods, number or day."""
    differing = sorted(name for name in ISSUED if name in body and not _same(name, body[name], record.get(name)))
    if differing:
        raise Hold(
            f"Clarity has issued the refund with another {', '.join(differing)}",
            hint="What is issued is not changed: cancel the credit note in the ERP and make a new one, or correct the "
            "refund in Clarity by hand. {again}",
            code="issued_otherwise",
        )


def _ensure_status(client: Client, work: Work, refunds: OrderDocuments, status: str, record: Document) -> None:
    if record.get("status") == status:
        work.found(STATUS, f"{record['id']} is {status}")
        return
    key = work.idempotency_key(f"{STATUS}:{record['version']}")  # a refused key is refused for ever
    try:
        request = Request("POST", f"{refunds.path(record)}/status", {"status": status}, {"Idempotency-Key": key})
        answer = work.perform(STATUS, request, client.send)
    except InvalidTransition as refused:
        raise Hold(
            f"Clarity does not let the refund become {status}",
            hint=f"See in the ERP why it is {status} now; if that is right, set the refund in Clarity to {status} by "
            "hand. {again}",
            code="no_way",
        ) from refused
    refunds.check(str(record["id"]), {"status": status}, answer if isinstance(answer, dict) else {}, _same)


def _money(refund: Document) -> Document:
    """What Clarity must not take otherwise: it may write days in its own way."""
    return {name: refund[name] for name in (*AMOUNTS, *ROWS, "currency", "status") if name in refund}


def _written(body: Document) -> Document:
    currency = body["currency"]
    amounts = {name: _amount(body[name], currency) for name in AMOUNTS if body.get(name) is not None}
    rows = {name: [_row(row, currency) for row in body.get(name) or ()] for name in ROWS}
    return given({**body, **amounts, **rows})


def _row(row: Document, currency: str) -> Document:
    quantity = {"quantity": f"{Decimal(row['quantity']).normalize():f}"} if "quantity" in row else {}
    return {**row, **quantity, "amount": _amount(row["amount"], currency)}


def _amount(given: Any, currency: str) -> str:
    """In the digits of the currency; a finer amount keeps its own digits, and Clarity refuses it."""
    amount = Decimal(given)
    whole = round_money(amount, currency)
    return f"{whole if whole == amount else amount:f}"


def _same(name: str, ours: Any, theirs: Any) -> bool:
    if name in ROWS:
        return _figures(ours) == _figures(theirs or [])
    return to_number(ours) == to_number(theirs) if name in AMOUNTS else bool(ours == theirs)


def _figures(rows: list[Document]) -> list[tuple[Any, ...]]:
    """Rows as they are compared: numbers by what they are worth, in any order."""
    figures = [
        (
            str(row.get("orderLineId")),
            str(row.get("kind")),
            to_number(row.get("quantity")),
            to_number(row.get("amount")),
        )
        for row in rows
    ]
    return sorted(figures, key=str)
