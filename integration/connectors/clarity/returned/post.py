"""Shows at Clarity what has come back of an order: on the return that Clarity has approved, else on one of its own.

A return keeps what was received under each reference of ours, so a part that comes later is added, and one that is
reported twice counts once.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client, record_path
from integration.connectors.clarity.order_documents import OrderDocuments, given
from integration.connectors.clarity.problems import InvalidTransition
from integration.connectors.contract import Document, Posted, Request, Work
from integration.errors import Hold

ENTITY = "return"
RECEIVE = "return.receive"
RECEIVED = "received"


def post_returned_goods(client: Client, document: Document, work: Work) -> Posted:
    """Lets the order have this receipt; document: {order_id, return_id, body}.

    Raises `Hold` for a return that Clarity has closed or does not have any more, and what `Http.send` does.
    """
    body = _written(document["body"])
    record, new = _find(client, document, work), False
    if record is None:
        record, new = OrderDocuments(client, work, ENTITY, document).create(body)
    if not new:
        _ensure_received(client, work, body, record)
    return Posted(str(record["id"]), record.get("number"))


def shown_returned_goods(client: Client, document: Document, work: Work) -> Document | None:
    """The receipt as Clarity has it, under the document's names; None when it has none."""
    record = _find(client, document, work)
    body = _written(document["body"])
    receipt = _receipt(record, body["externalRef"]) if record else None
    if receipt is None:
        return None
    lines = document["body"]["lines"] if _same(body, receipt) else receipt.get("lines")
    return {"body": {"externalRef": body["externalRef"], "lines": lines}}


def _find(client: Client, document: Document, work: Work) -> Document | None:
    if document.get("return_id"):
        return client.get(record_path("returns", document["return_id"]))
    return OrderDocuments(client, work, ENTITY, document).find()


def _ensure_received(client: Client, work: Work, body: Document, record: Document) -> None:
    receipt = _receipt(record, body["externalRef"])
    if receipt is not None and _same(body, receipt):
        work.found(RECEIVE, f"{record['id']} shows what came back")
        return
    path = f"{record_path('returns', str(record['id']))}/status"
    headers = {"Idempotency-Key": work.idempotency_key(RECEIVE)}
    try:
        work.perform(RECEIVE, Request("POST", path, {"status": RECEIVED, **body}, headers), client.send)
    except InvalidTransition as refused:
        raise Hold(
            f"Clarity has the return as {str(record.get('status'))[:40]}, so nothing can be received of it there",
            hint="See in Clarity whether the return should be open. If so, open it and replay this; if not, enter "
            "there by hand what came back.",
            code="return_closed",
        ) from refused


def _receipt(record: Document, reference: str) -> Document | None:
    receipts = record.get("receipts")
    found = receipts if isinstance(receipts, list) else []
    return next((one for one in found if isinstance(one, dict) and one.get("externalRef") == reference), None)


def _same(body: Document, receipt: Document) -> bool:
    return _quantities(body["lines"]) == _quantities(receipt.get("lines"))


def _quantities(lines: Any) -> dict[str, Decimal]:
    together: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict):
            together[str(line.get("orderLineId"))] += to_number(line.get("quantity")) or Decimal(0)
    return together


def _written(body: Document) -> Document:
    lines = [{**line, "quantity": f"{Decimal(line['quantity']).normalize():f}"} for line in body["lines"]]
    return given({**body, "lines": lines})
