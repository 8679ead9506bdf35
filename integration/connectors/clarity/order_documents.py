"""The shipments and invoices of an order at Clarity: found again by our reference, created once.

A Clarity need not keep a reference unique, so we look first; what comes between the look and the call is caught by the
Idempotency-Key, or by a Clarity that does keep it unique (409 already_exists).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integration.connectors.clarity.client import Client, order_path, record_path
from integration.connectors.clarity.problems import AlreadyExists, NotOffered, NotThere
from integration.connectors.contract import Document, Request, Work
from integration.errors import Hold

Same = Callable[[str, Any, Any], bool]
"""Whether Clarity's value of a field (second) means the same as ours (first)."""


class OrderDocuments:
    """What one order has of ``entity`` ("shipment" or "invoice") under the reference of a document; at most one.

    The document is {order_id, body, status for an invoice}; its body has the reference as ``externalRef``.
    """

    def __init__(self, client: Client, work: Work, entity: str, document: Document) -> None:
        self._client = client
        self._work = work
        self._entity = entity
        self._document = document
        self._ref = document["body"]["externalRef"]
        self._collection = f"{order_path(document['order_id'])}/{entity}s"

    def find(self) -> Document | None:
        """The record as Clarity has it; None when there is none.

        Raises `Hold` when it was removed in Clarity, when several have our reference and when Clarity has no such
        documents at all.
        """
        known = self._work.known(self._entity, self._ref)
        record = self._read(known) if known else self._search()
        if record is not None:
            self._work.found(f"{self._entity}.create", f"Clarity has it as {record['id']}")
        return record

    def create(self, body: Document) -> tuple[Document, bool]:
        """The document and whether it is new: another delivery of ours may have been faster."""
        effect = f"{self._entity}.create"
        request = Request("POST", self._collection, body, {"Idempotency-Key": self._work.idempotency_key(effect)})
        try:
            return self._work.perform(effect, request, self._client.send), True
        except AlreadyExists:
            if record := self.find():
                return record, False
            raise

    def check(self, id: str, sent: Document, answer: Document, same: Same) -> None:
        """Compares what was just sent with the answer to it, or with the document where the answer lacks some of it.

        Raises `Hold` for what Clarity has taken otherwise.
        """
        shown = answer if sent.keys() <= answer.keys() else self._client.get(self.path({"id": id}))
        differing = sorted(name for name, value in sent.items() if not same(name, value, shown.get(name)))
        if differing:
            raise Hold(
                f"Clarity took the {self._entity}, but shows another {', '.join(differing)} than it was sent",
                hint=f"Compare the {self._entity} in Clarity with the ERP's, and correct it there by hand; ask whoever "
                f"runs Clarity why it was changed. {{again}}",
                code="shown_otherwise",
            )

    def shown(self, written: Document, same: Same) -> Document | None:
        """The order's record under the document's names, as far as they are ``written``; None when it has none.

        A value that means the ``same`` is the document's own.
        """
        record = self.find()
        if record is None:
            return None
        body = {
            name: self._document["body"][name] if same(name, value, record.get(name)) else record.get(name)
            for name, value in written.items()
        }
        return {**{name: record.get(name) for name in ("status",) if name in self._document}, "body": body}

    def path(self, document: Document) -> str:
        """Where a document is changed."""
        return record_path(f"{self._entity}s", str(document["id"]))

    def _read(self, id: str) -> Document:
        try:
            return self._client.get(record_path(f"{self._entity}s", id))
        except NotThere as absent:
            raise Hold(
                f"the {self._entity} was removed in Clarity",
                hint=f"See who removed it. It is not made a second time: if it should be there, enter it in Clarity by "
                f"hand. Later changes of the {self._entity} are held, too.",
                code="record_missing",
            ) from absent

    def _search(self) -> Document | None:
        """By our reference, which is compared here as well: a Clarity may not know the filter."""
        try:
            items = self._client.items(self._collection, externalRef=self._ref)
            found = [item for item in items if item.get("externalRef") == self._ref]
        except NotThere as absent:
            self._client.get(order_path(self._document["order_id"]))  # raises if it is the order that is missing
            raise NotOffered(f"Clarity has no {self._entity}s of orders") from absent
        if len(found) > 1:
            raise Hold(
                f"Clarity has {len(found)} {self._entity}s with our reference",
                hint="Remove all but one in Clarity. {again}",
                code="several",
            )
        return found[0] if found else None


def given(document: Document) -> Document:
    """What the document says: without the fields that are null."""
    return {name: value for name, value in document.items() if value is not None}
