"""The routes of shipments, invoices and refunds, part of Clarity's API (3.1 of the contract)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Response, jsonify, request
from werkzeug.datastructures import MultiDict

from integration.sandbox.clarity import invoices, lists, order_documents, orders, refunds, shipments
from integration.sandbox.clarity.problems import Problem, json_body, missing
from integration.sandbox.clarity.records import Document, Records
from integration.sandbox.clarity.replies import check_version, shown

Act = Callable[[sqlite3.Connection, str], Response]

READ = {"shipment": shipments.read, "invoice": invoices.read, "refund": refunds.read}
CREATE = {"shipment": shipments.create, "invoice": invoices.create, "refund": refunds.create}
SET_STATUS = {"invoice": invoices.set_status, "refund": refunds.set_status}


class Fulfilment:
    """``once`` lets a request with an Idempotency-Key take effect, ``wake`` sends the webhooks it recorded."""

    def __init__(self, records: Records, once: Callable[[Act], Response], wake: Callable[[], None]) -> None:
        self._records = records
        self._once = once
        self._wake = wake

    def routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        for kind in order_documents.PREFIXES:
            yield "GET", f"/{kind}s", partial(self.list, kind)
            yield "GET", f"/{kind}s/<id>", partial(self.show, kind)
            yield "GET", f"/orders/<path:id>/{kind}s", partial(self.list_of_order, kind)
            yield "POST", f"/orders/<path:id>/{kind}s", partial(self.create, kind)
        yield "PATCH", "/shipments/<id>", self.patch_shipment
        yield "POST", "/invoices/<id>/status", partial(self.push_status, "invoice")
        yield "POST", "/refunds/<id>/status", partial(self.push_status, "refund")

    def list(self, kind: str) -> Response:
        return jsonify(lists.page(self._records, kind, request.args))

    def list_of_order(self, kind: str, id: str) -> Response:
        orders.existing(self._records, id)
        arguments = MultiDict([*request.args.items(multi=True), ("orderId", id)])
        return jsonify(lists.page(self._records, kind, arguments))

    def show(self, kind: str, id: str) -> Response:
        return shown(self._existing(kind, id))

    def create(self, kind: str, id: str) -> Response:
        body = json_body()

        def create(db: sqlite3.Connection, _key: str) -> Response:
            order = orders.existing(self._records, id)
            fields = READ[kind](order, body)
            if order_documents.refuse(db, kind, id, fields["externalRef"]):
                problem = Problem(409, "already_exists", f"The order has a {kind} with this externalRef.")
                return problem.response()  # raised, it would take back that it was counted
            made = CREATE[kind](db, order, fields)
            return shown(made, created_at=f"{request.path.partition('/orders/')[0]}/{kind}s/{made['id']}")

        return self._once(create)

    def patch_shipment(self, id: str) -> Response:
        patch = json_body(("application/json", "application/merge-patch+json"))
        with self._records.transaction() as db:
            shipment = self._existing("shipment", id)
            check_version(shipment)
            order = orders.existing(self._records, shipment["orderId"])
            shipment = shipments.patch(db, order, shipment, patch)
        self._wake()
        return shown(shipment)

    def push_status(self, kind: str, id: str) -> Response:
        body = json_body()

        def push(db: sqlite3.Connection, _key: str) -> Response:
            document = self._existing(kind, id)
            order = orders.existing(self._records, document["orderId"])
            return shown(SET_STATUS[kind](db, order, document, body))

        return self._once(push)

    def _existing(self, kind: str, id: str) -> Document:
        document = self._records.find(kind, id)
        if document is None:
            raise missing(kind)
        return document
