"""Shows at Clarity what has left for an order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client
from integration.connectors.clarity.order_documents import OrderDocuments, given
from integration.connectors.contract import Document, Posted, Request, Work

UPDATE = "shipment.update"


def post_shipment(client: Client, document: Document, work: Work) -> Posted:
    """Lets the order have this shipment, as it is now; document: {order_id, body}.

    What is null in the body is not compared, and left as Clarity has it.  Raises `Hold` for a shipment that was
    removed in Clarity, and what `Http.send` does.
    """
    body = _written(document["body"])
    shipments = OrderDocuments(client, work, "shipment", document)
    record, new = shipments.find(), False
    if record is None:
        record, new = shipments.create(body)
    if new:
        _check_quantities(shipments, body, record, record)
    else:
        _ensure_same(client, work, shipments, body, record)
    return Posted(str(record["id"]), None)


def shown_shipment(client: Client, document: Document, work: Work) -> Document | None:
    """The shipment as the order has it, under the document's names; None when it has none."""
    return OrderDocuments(client, work, "shipment", document).shown(_written(document["body"]), _same)


def _ensure_same(client: Client, work: Work, shipments: OrderDocuments, body: Document, record: Document) -> None:
    """Sends the difference, for the version that was looked at: who changes it in between is not overwritten."""
    changes = {name: value for name, value in body.items() if not _same(name, value, record.get(name))}
    if not changes:
        work.found(UPDATE, f"{record['id']} shows the shipment")
        return
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": f'"v{record["version"]}"'}
    answer = work.perform(UPDATE, Request("PATCH", shipments.path(record), changes, headers), client.send)
    _check_quantities(shipments, changes, record, answer)


def _check_quantities(shipments: OrderDocuments, sent: Document, record: Document, answer: Any) -> None:
    """Clarity may write text and times in its own way, but no other quantities."""
    if "lines" in sent:
        lines, shown = {"lines": sent["lines"]}, answer if isinstance(answer, dict) else {}
        shipments.check(str(record["id"]), lines, shown, lambda _, ours, theirs: _same_lines(ours, theirs))


def _written(body: Document) -> Document:
    lines = [{**line, "quantity": f"{Decimal(line['quantity']).normalize():f}"} for line in body["lines"]]
    return given({**body, "lines": lines})


def _same(name: str, ours: Any, theirs: Any) -> bool:
    return SAME[name](ours, theirs) if name in SAME else bool(ours == theirs)


def _same_numbers(ours: list[str], theirs: list[str] | None) -> bool:
    return sorted(ours) == sorted(theirs or [])


def _same_moment(ours: str, theirs: Any) -> bool:
    try:
        return datetime.fromisoformat(ours) == datetime.fromisoformat(theirs)
    except (TypeError, ValueError):
        return False


def _same_lines(ours: list[Document], theirs: list[Document] | None) -> bool:
    return _quantities(ours) == _quantities(theirs or [])


def _quantities(lines: list[Document]) -> dict[str, Decimal]:
    together: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        together[str(line.get("orderLineId"))] += to_number(line.get("quantity")) or Decimal(0)
    return together


SAME: Mapping[str, Callable[[Any, Any], bool]] = {
    "trackingNumbers": _same_numbers,
    "shippedAt": _same_moment,
    "lines": _same_lines,
}
"""What is compared by its meaning; all else as it is written."""
